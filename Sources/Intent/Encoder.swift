import Events
package import Sessions

/// Turns a step's facts into a model's inputs. A pure function of the step and of what was learnt about products and
/// pages in the training window; it travels inside the model file.
///
/// The input vector is nearly all one-hot: six rows are switched on, seven carry a number.
public struct Encoder: Sendable, Equatable {
    /// What the training window said about a product, as inputs.
    public struct Product: Sendable, Equatable {
        /// ln(1 + sessions) / 8.
        public var popularity: Float
        /// Logit of the smoothed share of its sessions that bought, less the window's, halved.
        public var conversion: Float
        /// Logit of the smoothed share of its sessions that added it, less the window's, halved.
        public var adding: Float

        package init(popularity: Float, conversion: Float, adding: Float) {
            self.popularity = popularity
            self.conversion = conversion
            self.adding = adding
        }

        /// Of a product that the window never showed: nothing is known, so nothing is claimed.
        public static let unseen = Product(popularity: 0, conversion: 0, adding: 0)
    }

    /// Hashes of pages and sections that are inputs by themselves, at most `maxPages` (`PageChoice`). A page that is not
    /// among them stands for its section.
    public let pages: [UInt64]
    /// By product hash.
    public let products: [UInt64: Product]
    /// The same, and the rows of the pages, as they are looked up.
    private let productTable: HashTable<Product>
    private let pageRows: HashTable<UInt16>

    public static let maxPages = 24
    /// Products kept, the most frequent ones.
    public static let maxProducts = 100_000

    public init(pages: [UInt64], products: [UInt64: Product]) {
        precondition(pages.count <= Self.maxPages && products.count <= Self.maxProducts, "Encoder.init: too large")
        self.pages = pages
        self.products = products
        productTable = HashTable(products)
        pageRows = HashTable(
            Dictionary(
                pages.enumerated().map { ($1, Self.pageRow + 2 + UInt16($0)) },
                uniquingKeysWith: { first, _ in first }))
    }

    public static func == (left: Encoder, right: Encoder) -> Bool {
        left.pages == right.pages && left.products == right.products
    }

    // Rows of the input matrix: one-hot groups, then the numbers.
    static let kindRow: UInt16 = 0
    static let gapRow = kindRow + UInt16(EventKind.allCases.count)
    /// None, rare, then one a page.
    static let pageRow = gapRow + UInt16(gapBounds_ms.count + 1)
    static let cartRow = pageRow + 2 + UInt16(maxPages)
    static let skuRow = cartRow + 4
    static let pageSeenRow = skuRow + 4
    static let numberRow = pageSeenRow + 3
    static let oneHots = 6
    static let numbers = 7
    /// Rows of the input matrix.
    public static let rowCount = Int(numberRow) + numbers

    /// Upper bounds of the gap buckets; the last bucket has none.
    private static let gapBounds_ms: [UInt32] = [0, 2_000, 5_000, 10_000, 20_000, 40_000, 90_000, 300_000]
    private static let gapLimit_ms: UInt32 = 1_800_000

    /// By minute of the day.
    private static let timeOfDay: [(sin: Float, cos: Float)] = (0..<1_440).map { minute in
        let (sin, cos) = PortableMath.sinCos(turn: Double(minute) / 1_440)
        return (Float(sin), Float(cos))
    }

    /// One encoded step: which rows are on, and the numbers of the last rows.
    package struct Input: Sendable, Equatable {
        package var rows: SIMD8<UInt16>
        package var numbers: SIMD8<Float>
    }

    package func encode(_ step: Step) -> Input {
        encode(step, product: productTable[step.sku] ?? .unseen)
    }

    /// - Parameter product: what the encoder may know of the step's product: in training, what other sessions say.
    func encode(_ step: Step, product: Product) -> Input {
        var rows = SIMD8<UInt16>(repeating: 0)
        rows[0] = Self.kindRow + UInt16(step.kind.rawValue)
        rows[1] = Self.gapRow + UInt16(Self.gapBounds_ms.firstIndex { step.gap_ms <= $0 } ?? Self.gapBounds_ms.count)
        rows[2] = step.page == 0 ? Self.pageRow : pageRows[step.page] ?? pageRows[step.section] ?? Self.pageRow + 1
        rows[3] = Self.cartRow + min(3, step.cart)
        rows[4] = Self.skuRow + (step.sku == 0 ? 0 : 1 + UInt16(min(2, step.skuSeen)))
        rows[5] = Self.pageSeenRow + (step.page == 0 ? 0 : 1 + UInt16(min(1, step.pageSeen)))
        let seconds = SIMD2(Double(min(step.gap_ms, Self.gapLimit_ms)) / 1_000, Double(step.elapsed_ms) / 1_000)
        let times = PortableMath.log1p(seconds)
        let time = Self.timeOfDay[Int(step.minuteOfWeek % 1_440)]
        let numbers = SIMD8<Float>(
            Float(times[0] / 5), Float(times[1] / 7),
            step.sku == 0 ? 0 : product.popularity, step.sku == 0 ? 0 : product.conversion,
            step.sku == 0 ? 0 : product.adding, time.sin, time.cos, 0)
        return Input(rows: rows, numbers: numbers)
    }
}
