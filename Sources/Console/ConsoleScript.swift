/// The script of the console's page. Everything that a shop sends is shown by `textContent`.
enum ConsoleScript {
    static let text = #"""
        "use strict";
        const limits = { sessions: 500, rows: 25, history: 60, events: 14, outcomes: 10 };
        const sessions = new Map();   // identity -> { score record, history }, the least recent first
        let events = [], outcomes = [], chosen = null, recent = [], skipped = 0, status = null, dirty = true;
        const at = id => document.getElementById(id);
        const percent = share => (100 * share).toFixed(share < 0.1 ? 2 : 1) + " %";

        function cell(row, text, kind) {
          const td = row.insertCell();
          td.textContent = text;
          if (kind) td.className = kind;
          return td;
        }

        function took(score) {
          const session = sessions.get(score.session) || { history: [] };
          sessions.delete(score.session);
          session.last = score;
          session.history.push(score);
          if (session.history.length > limits.history) session.history.shift();
          sessions.set(score.session, session);
          if (sessions.size > limits.sessions) sessions.delete(sessions.keys().next().value);
          events.push(score);
          if (events.length > limits.events) events.shift();
          dirty = true;
        }

        function ended(outcome) {
          const session = sessions.get(outcome.session);
          sessions.delete(outcome.session);
          outcomes.push({ outcome, last: session ? session.last : null });
          if (outcomes.length > limits.outcomes) outcomes.shift();
          dirty = true;
        }

        function state(text, live) {
          at("state").textContent = text;
          at("state").className = live ? "live" : "";
        }

        // What is known already, then what comes after it: the position that comes with the sessions joins the two.
        async function connect() {
          try {
            const reply = await fetch("sessions");
            if (!reply.ok) throw new Error(reply.status);
            const known = await reply.json();
            sessions.clear(); events = []; outcomes = [];
            const scores = known.sessions.flatMap(session => session.scores);
            for (const score of scores.sort((a, b) => a.timestamp - b.timestamp)) took(score);
            for (const session of known.sessions.reverse()) if (session.outcome) ended(session.outcome);
            listen(known.position);
          } catch {
            state("no connection, trying again", false);
            setTimeout(connect, 3000);
          }
        }

        function listen(position) {
          const source = new EventSource("scores?lastEventId=" + encodeURIComponent(position));
          source.onopen = () => state("live", true);
          source.onerror = () => {
            state("no connection, trying again", false);
            // A refusal ends an EventSource for good; a broken connection it mends by itself.
            if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
          };
          source.addEventListener("score", message => { recent[recent.length - 1]++; took(JSON.parse(message.data)); });
          source.addEventListener("outcome", message => ended(JSON.parse(message.data)));
          source.addEventListener("dropped", message => {
            skipped += JSON.parse(message.data).count;
            at("note").textContent = skipped + " messages skipped: they came faster than this page reads";
          });
        }

        async function askStatus() {
          try {
            const reply = await fetch("status");
            if (reply.ok) { status = await reply.json(); dirty = true; }
          } catch { /* The connection's state is shown already. */ }
        }

        function figures() {
          const sum = account => status.partitions.reduce((total, one) => total + (one.sessions[account] || 0), 0);
          at("rate").textContent = (recent.reduce((a, b) => a + b, 0) / Math.max(1, recent.length)).toFixed(1);
          if (!status) return;
          at("open").textContent = (sum("opened") - sum("closed") - sum("muted")).toLocaleString("en");
          at("pending").textContent = status.partitions.reduce((total, one) => total + one.pending, 0).toLocaleString("en");
          at("closed").textContent = (sum("closed") + sum("muted")).toLocaleString("en");
          at("purchased").textContent = sum("purchased").toLocaleString("en");
          at("model").textContent = status.models.champion ?? "none yet";
        }

        // The scores of one session, on the scale of the highest one shown.
        function sparkline(history, top) {
          const make = name => document.createElementNS("http://www.w3.org/2000/svg", name);
          const svg = make("svg"), line = make("polyline"), area = make("polygon");
          svg.setAttribute("viewBox", "0 0 100 20");
          svg.setAttribute("preserveAspectRatio", "none");
          const step = 100 / Math.max(1, history.length - 1);
          const points = history.map((one, index) => (index * step).toFixed(1) + "," + (20 - 20 * one.score / top).toFixed(1));
          if (points.length === 1) points.push("100," + points[0].split(",")[1]);
          line.setAttribute("points", points.join(" "));
          area.setAttribute("points", "0,20 " + points.join(" ") + " 100,20");
          svg.append(area, line);
          return svg;
        }

        function what(score) { return score.type + " " + (score.sku ?? score.page ?? ""); }

        function seen(score) {
          if (score.timeline !== "live") return new Date(score.timestamp).toISOString().slice(0, 10);
          const seconds = Math.max(0, Math.round((Date.now() - score.timestamp) / 1000));
          return seconds < 100 ? seconds + " s" : Math.round(seconds / 60) + " min";
        }

        function changeCell(row, score) {
          const change = score.change;
          if (change === undefined) return cell(row, "first", "number soft spare");
          return cell(row, (change < 0 ? "−" : "+") + (100 * Math.abs(change)).toFixed(2), "number spare " + (change < 0 ? "down" : "up"));
        }

        function drawSessions() {
          const wanted = at("find").value.trim();
          const top = [...sessions.values()].filter(one => one.last.key.includes(wanted))
            .sort((a, b) => b.last.score - a.last.score).slice(0, limits.rows);
          const highest = Math.max(0.02, ...top.flatMap(one => one.history.map(score => score.score)));
          at("sessions").replaceChildren();
          for (const { last, history } of top) {
            const row = at("sessions").insertRow();
            if (last.session === chosen) row.className = "chosen";
            row.onclick = () => { chosen = last.session; dirty = true; };
            const key = cell(row, last.key.slice(2));
            key.title = last.key + ", session " + last.session;
            if (last.timeline !== "live") {
              const tag = key.appendChild(document.createElement("span"));
              tag.className = "tag";
              tag.textContent = last.timeline;
              tag.before(" ");
            }
            if (last.bot) {
              const tag = key.appendChild(document.createElement("span"));
              tag.className = "tag";
              tag.textContent = "bot";
              tag.before(" ");
            }
            cell(row, what(last)).title = what(last);
            cell(row, last.prefix, "number spare");
            cell(row, last.cart || "", "number spare");
            cell(row, "").append(sparkline(history, highest));
            cell(row, percent(last.score), "number score");
            changeCell(row, last);
            cell(row, seen(last), "number soft spare");
          }
          at("empty").hidden = sessions.size > 0;
          const trained = status && status.models.champion !== undefined && status.models.champion !== null;
          at("why").textContent = status && !trained
            ? "There is no model yet. Events are stored and counted; scores appear as soon as one is trained."
            : "No open session yet. Send an event:";
          at("hint").textContent = "curl " + location.href + "collect -d '{\"session\":\"me\",\"type\":\"detail\",\"sku\":\"A1\"}'";
        }

        function drawEvents() {
          const session = sessions.get(chosen);
          if (!session) chosen = null;
          at("title").textContent = session ? "Events of " + session.last.key.slice(2) : "Latest events";
          at("all").hidden = !session;
          at("events").replaceChildren();
          for (const score of (session ? session.history : events).slice(-limits.events).reverse()) {
            const row = at("events").insertRow();
            cell(row, session ? seen(score) : score.key.slice(2), "soft").title = score.key;
            cell(row, what(score)).title = what(score);
            cell(row, percent(score.score), "number score w2");
          }
          if (!at("events").rows.length) cell(at("events").insertRow(), "none yet", "soft");
        }

        function drawOutcomes() {
          at("outcomes").replaceChildren();
          for (const { outcome, last } of [...outcomes].reverse()) {
            const row = at("outcomes").insertRow();
            cell(row, outcome.key.slice(2)).title = outcome.key + ", " + outcome.records + " records, closed by " + outcome.closing;
            cell(row, outcome.purchased ? "purchased" : "left", outcome.purchased ? "bought w3" : "soft w3");
            cell(row, last ? percent(last.score) : "", "number soft w2").title = "last score";
          }
          if (!at("outcomes").rows.length) cell(at("outcomes").insertRow(), "none yet", "soft");
        }

        at("find").oninput = () => { dirty = true; };
        at("all").onclick = () => { chosen = null; dirty = true; };
        setInterval(() => { recent.push(0); if (recent.length > 5) recent.shift(); dirty = true; }, 1000);
        setInterval(askStatus, 2000);
        setInterval(() => {
          if (!dirty || document.hidden) return;
          dirty = false;
          figures(); drawSessions(); drawEvents(); drawOutcomes();
        }, 400);
        recent.push(0);
        askStatus();
        connect();
        """#
}
