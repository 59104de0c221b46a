/// Which partition a key belongs to: murmur2 as Kafka's Java client computes it, so that any producer with the same key
/// chooses the same partition.
public enum Partitioner {
    public static func partition(ofKey key: String, count: Int) -> Int {
        precondition(count > 0, "Partitioner.partition: no partitions")
        // Java masks the sign bit off where it needs a positive number ("toPositive").
        return Int(murmur2(Array(key.utf8)) & 0x7fff_ffff) % count
    }

    /// `org.apache.kafka.common.utils.Utils.murmur2` (MurmurHash2 by Austin Appleby, seed 0x9747b28c).
    public static func murmur2(_ data: [UInt8]) -> UInt32 {
        let m: UInt32 = 0x5bd1_e995
        let length = data.count
        var hash: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: length)
        var index = 0
        while index + 4 <= length {
            var k =
                UInt32(data[index]) | UInt32(data[index + 1]) << 8 | UInt32(data[index + 2]) << 16
                | UInt32(data[index + 3]) << 24
            k = k &* m
            k ^= k >> 24
            k = k &* m
            hash = (hash &* m) ^ k
            index += 4
        }
        if length - index >= 3 { hash ^= UInt32(data[index + 2]) << 16 }
        if length - index >= 2 { hash ^= UInt32(data[index + 1]) << 8 }
        if length - index >= 1 {
            hash ^= UInt32(data[index])
            hash = hash &* m
        }
        hash ^= hash >> 13
        hash = hash &* m
        hash ^= hash >> 15
        return hash
    }
}
