import CZlib
import EventLog
import Events
import Foundation
import Intent
import Sessions
import SpooledLog

/// What is spoilt: small files of the repository, and for the formats that no editor writes what the product wrote.
enum Corpus {
    static func files(_ target: FuzzTarget, in corpus: String) -> [[UInt8]] {
        let folder = corpus + "/" + target.rawValue
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? []
        return names.compactMap { FileManager.default.contents(atPath: folder + "/" + $0).map { Array($0) } }
    }

    static func made(_ target: FuzzTarget) -> [[UInt8]] {
        switch target {
        case .gzip: [gzip(Array(#"[{"type":"add","session":"S"}]"#.utf8)), gzip([UInt8](repeating: 65, count: 5_000))]
        case .model: [model(hiddenSize: 3), model(hiddenSize: 9)]
        case .spool: [spool]
        case .position: positions
        case .json, .query, .csv, .record, .sse, .config: []
        }
    }

    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        // A stored block (RFC 1951, 3.2.4) needs no compressor.
        let size = UInt16(bytes.count)
        let checksum = UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
        func little(_ number: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1] + little(size) + little(~size) + bytes + little(checksum)
            + little(UInt32(bytes.count))
    }

    private static func model(hiddenSize: Int) -> [UInt8] {
        var random = RandomSource(seed: 1)
        var options = TrainingOptions()
        options.hiddenSize = hiddenSize
        return IntentModel(
            encoder: Encoder(
                pages: [StableHash.of("/a")],
                products: [7: Encoder.Product(popularity: 1, conversion: 0, adding: -1)]),
            weights: Weights(shape: .init(hiddenSize: hiddenSize), baseRate: 0.1, random: &random),
            calibration: .identity,
            metadata: ModelMetadata(trainedFrom: 0, trainedThrough: 1, sessions: 2, buyers: 1, options: options)
        ).serialized()
    }

    private static let spool: [UInt8] = {
        let items: [SpoolItem] = [
            .event(NewRecord(key: "s:S", value: Array(#"{"id":"1"}"#.utf8), identity: 7)),
            .rejected(RejectedRecord(time: 1, source: "collect", reason: "no type", line: nil, bytes: [1, 2, 3])),
            .event(NewRecord(key: "v:é", value: [], identity: .max)),
        ]
        return items.flatMap { SpoolFormat.encode($0, time: 1_700_000_000_000) ?? [] }
    }()

    /// Of folds with open, muted and replayed sessions.
    private static let positions: [[UInt8]] = [3, 12, 60].map { count in
        let parameters = FoldParameters.standard
        var fold = SessionFold(start: 2, parameters: parameters)
        for number in 0..<count {
            let event = Event(id: "\(number / 2)", session: "s\(number % 7)", kind: .add, timestamp: 1_700_000_000_000)
            let timeline: Timeline = number % 5 == 0 ? .replay("r") : .live
            // A clock that leaps by a day mutes nothing but moves.
            _ = fold.fold(
                offset: Int64(number + 2), time: 1_700_000_000_000 + Int64(number) * 60_000,
                entry: .event(event, timeline: timeline), scoring: true
            ) { _ in }
        }
        return Array(fold.position().encoded().utf8)
    }
}

extension FuzzTarget {
    /// Checksums made right again, most of the time: what is behind them is to be reached.
    func finish(_ input: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
        guard !random.once(in: 4) else { return input }
        switch self {
        case .model: return Repair.model(input)
        case .spool: return Repair.spool(input)
        default: return input
        }
    }
}
