@main
struct Dinghy {
    static func main() {}
}
