/// The page at `/`: live sessions as they are scored. It lives from `/scores` alone; nothing is fetched from elsewhere.
enum ConsolePage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Dinghy</title>
        <style>
        :root { color-scheme: light dark; --line: #8884; --low: #7a8fa6; --high: #1f9d55; }
        body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1.5rem; }
        header { display: flex; gap: 2rem; align-items: baseline; flex-wrap: wrap; }
        h1 { font-size: 1.3rem; margin: 0; }
        header span { font-variant-numeric: tabular-nums; }
        table { border-collapse: collapse; width: 100%; margin-top: 1rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
        td.key, td.what { max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }
        td.score { text-align: right; }
        .bar { display: inline-block; width: 8rem; height: .6rem; background: #8882; border-radius: .3rem; }
        .bar i { display: block; height: 100%; border-radius: .3rem; background: var(--high); }
        #state.off { color: #c0392b; }
        .empty { padding: 2rem 0; opacity: .7; }
        </style>
        </head>
        <body>
        <header>
          <h1>Dinghy</h1>
          <span id="state" class="off">connecting</span>
          <span><b id="rate">0</b> scores/s</span>
          <span><b id="seen">0</b> sessions seen</span>
          <span><b id="bought">0</b> closed with a purchase</span>
        </header>
        <table>
          <thead><tr><th>session</th><th>events</th><th>last event</th><th>cart</th><th>intent</th>
          <th></th><th>change</th><th>model</th></tr></thead>
          <tbody id="rows"></tbody>
        </table>
        <p class="empty" id="empty">Waiting for the first score. Send an event, or train a model if there is none yet.</p>
        <script>
        const sessions = new Map(), limit = 25;
        let seen = 0, bought = 0, recent = 0, dirty = false;
        const at = id => document.getElementById(id);
        const cell = (row, text, kind) => {
          const td = row.insertCell(); td.textContent = text; if (kind) td.className = kind; return td;
        };
        const source = new EventSource("scores");
        source.onopen = () => { at("state").textContent = "live"; at("state").className = ""; };
        source.onerror = () => { at("state").textContent = "reconnecting"; at("state").className = "off"; };
        source.addEventListener("score", message => {
          const score = JSON.parse(message.data);
          if (!sessions.has(score.session)) seen++;
          sessions.delete(score.session);
          sessions.set(score.session, score);
          if (sessions.size > 500) sessions.delete(sessions.keys().next().value);
          recent++; dirty = true;
        });
        source.addEventListener("outcome", message => {
          const outcome = JSON.parse(message.data);
          sessions.delete(outcome.session);
          if (outcome.purchased) bought++;
          dirty = true;
        });
        setInterval(() => { at("rate").textContent = recent; recent = 0; }, 1000);
        setInterval(() => {
          if (!dirty) return;
          dirty = false;
          at("seen").textContent = seen; at("bought").textContent = bought;
          at("empty").hidden = seen > 0;
          const rows = at("rows");
          rows.replaceChildren();
          const top = [...sessions.values()].sort((a, b) => b.score - a.score).slice(0, limit);
          for (const score of top) {
            const row = rows.insertRow();
            cell(row, score.key, "key").title = score.key;
            cell(row, score.prefix);
            cell(row, score.type + " " + (score.sku || score.page || ""), "what");
            cell(row, score.cart);
            cell(row, (100 * score.score).toFixed(2) + " %", "score");
            const bar = cell(row, "").appendChild(document.createElement("span"));
            bar.className = "bar";
            bar.appendChild(document.createElement("i")).style.width = (100 * score.score) + "%";
            const change = score.change || 0;
            cell(row, (change < 0 ? "" : "+") + (100 * change).toFixed(2));
            cell(row, score.model);
          }
        }, 250);
        </script>
        </body>
        </html>
        """
}
