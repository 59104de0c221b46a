import HTTPTypes
import Hummingbird
import NIOCore

/// The page at `/`: live sessions as they are scored. It lives from `/sessions`, `/scores` and `/status` of this server;
/// nothing is fetched from elsewhere, and nothing that a shop sends becomes markup.
enum ConsolePage {
    static func response() -> Response {
        var random = SystemRandomNumberGenerator()
        let nonce = String(random.next(), radix: 36) + String(random.next(), radix: 36)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
                .contentSecurityPolicy: policy(nonce: nonce), .contentTypeOptions: "nosniff",
                .referrerPolicy: "no-referrer",
            ],
            body: .init(byteBuffer: ByteBuffer(string: html(nonce: nonce))))
    }

    /// Only this page's own style and script run, and they talk to this server alone.
    private static func policy(nonce: String) -> String {
        "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }

    private static func html(nonce: String) -> String {
        #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Dinghy</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 1v9h6zM7 3v7H3zM1 11h14l-3 4H4z' fill='%232878c8'/%3E%3C/svg%3E">
        <style nonce="\#(nonce)">
        :root {
          color-scheme: light dark;
          --page: #f4f6f8; --card: #fff; --text: #17212b; --soft: #5d6b79; --line: #e1e6eb;
          --accent: #2878c8; --good: #16834a; --bad: #b83232;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #10161c; --card: #18212a; --text: #e4eaf0; --soft: #93a1af; --line: #2a3540;
            --accent: #5aa5ee; --good: #4cc38a; --bad: #f07b7b;
          }
        }
        * { box-sizing: border-box; }
        body {
          font: 14px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page);
          margin: 0 auto; max-width: 90rem; padding: 1.25rem; font-variant-numeric: tabular-nums;
        }
        header { display: flex; gap: 1rem; align-items: center; margin-bottom: 1rem; }
        h1 { font-size: 1.25rem; margin: 0; }
        h2 { font-size: .95rem; margin: 0; }
        #state { border-radius: 1rem; padding: .1rem .7rem; border: 1px solid; color: var(--bad); }
        #state.live { color: var(--good); }
        #note { color: var(--soft); }
        #figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
        #figures div, section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
        #figures div { padding: .6rem .9rem; }
        dt { color: var(--soft); font-size: .8rem; }
        dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
        main { display: grid; grid-template-columns: minmax(0, 1fr) 24rem; gap: 1rem; align-items: start; }
        @media (max-width: 80rem) { main { grid-template-columns: minmax(0, 1fr); } }
        aside { display: grid; gap: 1rem; }
        section { overflow: hidden; }
        section > div { display: flex; justify-content: space-between; gap: 1rem; align-items: center; padding: .6rem .9rem; }
        input, button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4rem; padding: .15rem .5rem; }
        button { cursor: pointer; color: var(--accent); }
        table { border-collapse: collapse; width: 100%; table-layout: fixed; }
        th { color: var(--soft); font-weight: 500; font-size: .8rem; }
        th, td { text-align: left; padding: .32rem .9rem; border-top: 1px solid var(--line); }
        th, td { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
        .number { text-align: right; }
        #sessions tr { cursor: pointer; }
        #sessions tr:hover, #sessions tr.chosen { background: color-mix(in srgb, var(--accent) 12%, transparent); }
        .score { font-weight: 600; }
        .soft { color: var(--soft); }
        .up, .bought { color: var(--good); }
        .down { color: var(--bad); }
        .tag { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .3rem; color: var(--soft); font-size: .8rem; }
        svg { display: block; width: 100%; height: 1.5rem; overflow: visible; }
        polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
        polygon { fill: var(--accent); opacity: .15; }
        .empty { padding: 1rem .9rem 1.4rem; color: var(--soft); border-top: 1px solid var(--line); margin: 0; }
        pre { white-space: pre-wrap; overflow-wrap: anywhere; color: var(--text); margin: .6rem 0 0; }
        [hidden] { display: none; }
        .w1 { width: 5.2rem; } .w2 { width: 5.8rem; } .w2.wide { width: 7.4rem; } .w3 { width: 7rem; } .w4 { width: 10rem; }
        @media (max-width: 48rem) {
          .spare { display: none; }
          th, td { padding: .32rem .5rem; }
          .w4 { width: 6rem; }
        }
        </style>
        </head>
        <body>
        <header>
          <h1>Dinghy</h1>
          <span id="state" role="status">connecting</span>
          <span id="note"></span>
        </header>
        <dl id="figures">
          <div><dt>scores a second</dt><dd id="rate">0</dd></div>
          <div><dt>open sessions</dt><dd id="open">–</dd></div>
          <div><dt>records not yet scored</dt><dd id="pending">–</dd></div>
          <div><dt>sessions closed</dt><dd id="closed">–</dd></div>
          <div><dt>of these with a purchase</dt><dd id="purchased">–</dd></div>
          <div><dt>model</dt><dd id="model">–</dd></div>
        </dl>
        <main>
          <section>
            <div><h2>Sessions by purchase intent</h2><input id="find" type="search" placeholder="session or visitor" aria-label="Show only keys that contain"></div>
            <table>
              <thead><tr><th>session</th><th>last event</th><th class="number w1 spare">events</th><th class="number w1 spare">cart</th>
              <th class="w4">scores</th><th class="number w2">intent</th><th class="number w2 spare" title="percentage points since the event before">change</th><th class="number w2 wide spare">seen</th></tr></thead>
              <tbody id="sessions"></tbody>
            </table>
            <div class="empty" id="empty" hidden><div><span id="why"></span><pre id="hint"></pre></div></div>
          </section>
          <aside>
            <section>
              <div><h2 id="title">Latest events</h2><button id="all" hidden>all sessions</button></div>
              <table><tbody id="events"></tbody></table>
            </section>
            <section>
              <div><h2>Closed sessions</h2></div>
              <table><tbody id="outcomes"></tbody></table>
            </section>
          </aside>
        </main>
        <script nonce="\#(nonce)">
        \#(ConsoleScript.text)
        </script>
        </body>
        </html>

        """#
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = Self("Referrer-Policy")!  // A valid field name.
}
