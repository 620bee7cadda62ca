// The report: switches over the cubes that lie in the page, and what they show.
(async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent.trim()), (c) => c.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(unpacked).text());
  const {esc} = charts;
  const live = document.getElementById("live");
  const FEW = -1, HIDDEN = -2, ALL = "all";
  const periods = ["3", "6", "12", "all"].filter((period) => period in data.spans);
  const state = {persona: ALL, channel: ALL, period: periods.includes("12") ? "12" : "all",
    model: Object.keys(data.models)[0], rank: "dissatisfied"};
  let language = document.getElementById("in-ja").checked ? "ja" : "en";
  const place = () => (language === "ja" ? 0 : 1);

  // Words and numbers.
  const t = (key, values = {}) => (data.texts[key] || [key, key])[place()]
    .replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const readable = (code) => code.charAt(0).toUpperCase() + code.slice(1).replaceAll("_", " ");
  const name = (kind, code) => (data.labels[kind]?.[code] || data.texts[code] || [readable(code), readable(code)])[place()];
  const persona = (code) => (code === ALL ? t("everybody") : code === "(not set)" && data.personas.length === 1 ? t("persona") : name("persona", code));
  const channel = (code) => (code === ALL ? t("everybody") : name("channel", code));
  const locale = () => (language === "ja" ? "ja-JP" : "en-GB");
  const minus = (text) => text.replace("-", "−");
  const num = (value, digits = 0) => {
    if (value === null || value === undefined) return "–";
    if (value === FEW) return `<${data.smallest}`;
    if (value === HIDDEN) return t("hidden");
    return minus(value.toLocaleString(locale(), {maximumFractionDigits: digits, minimumFractionDigits: 0}));
  };
  const pct = (share, digits = 0) => (share === null || share === undefined ? "–"
    : share.toLocaleString(locale(), {style: "percent", maximumFractionDigits: digits}));
  const money = (value, currency = data.release.currency) => {
    if (value === null || value === undefined) return "–";
    if (language === "ja" && currency === "JPY") {
      for (const [unit, word] of [[1e8, "億円"], [1e4, "万円"]]) {
        if (Math.abs(value) >= unit) return (value / unit).toLocaleString(locale(), {maximumFractionDigits: Math.abs(value) < 10 * unit ? 1 : 0}).replace("-", "−") + word;
      }
      return `${minus(Math.round(value).toLocaleString(locale()))}円`;
    }
    if (language === "ja" && Math.abs(value) < 1e4) return minus(value.toLocaleString("ja-JP", {style: "currency", currency, maximumFractionDigits: 0}));
    return minus(value.toLocaleString(language === "ja" ? "ja-JP" : "en", {style: "currency", currency,
      notation: "compact", maximumFractionDigits: 1}));
  };
  const people = (count) => `${num(count)}${count === HIDDEN ? "" : t("people")}`;
  const month = (text) => (text ? new Date(`${text.slice(0, 7)}-01T00:00:00Z`)
    .toLocaleDateString(locale(), {year: "numeric", month: "short", timeZone: "UTC"}) : "–");
  const lower = (text) => (language === "ja" ? text : text.toLowerCase());
  const signed = (value, digits = 1) => (value > 0 ? "+" : value < 0 ? "−" : "±") +
    Math.abs(value).toLocaleString(locale(), {maximumFractionDigits: digits});
  const stages = () => data.models[state.model];
  const last = () => data.ends[state.model]; // nobody is lost at the last stage that anybody reached
  const stage = (code) => {
    const found = Object.values(data.models).flat().find((row) => row[0] === code);
    return found ? found[1 + place()] : code;
  };
  const term = (key, shown = t(key)) => (data.glossary[key]
    ? `<span class="term" tabindex="0" data-tip="${esc(data.glossary[key][place()])}">${esc(shown)}</span>` : esc(shown));
  const of = (cube) => cube?.[state.model]?.[state.period];
  const here = (cube, who = state.persona) => of(cube)?.[`${who}|${state.channel}`] || {};
  const known = () => data.personas.filter((who) => state.persona === ALL || who === state.persona);

  // Parts of a block.
  const cannot = (...what) => {
    const split = what.filter((key) => (key === "period" || key === "model" ? false : state[key] !== ALL));
    const text = split.map((key) => t("no_split", {what: lower(t(key))})).join(" ");
    return text ? `<p class="note">${esc(text)}</p>` : "";
  };
  const legend = (entries) => `<p class="legend" aria-hidden="true">${entries.map(([tone, label, shape]) =>
    `<span><i class="${shape || "dot"}" style="--tone:var(--${tone})"></i>${esc(label)}</span>`).join("")}</p>`;
  const cells = (row) => row.map((cell, i) => {
    const text = cell && cell.html !== undefined ? cell.html : esc(cell ?? "–");
    const isNumber = cell && cell.n;
    return i === 0 ? `<th scope="row">${text}</th>` : `<td class="${isNumber ? "n" : ""}">${text}</td>`;
  }).join("");
  const right = (text) => ({html: esc(text), n: true});
  const plain = (head, rows) => `<div class="scroll" tabindex="0" role="region" aria-label="${esc(t("as_table"))}"><table>
    <thead><tr>${head.map((label) => `<th scope="col" class="${label.n ? "n" : ""}">${label.html ?? esc(label)}</th>`).join("")}</tr></thead>
    <tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join("")}</tbody></table></div>`;
  const sql = (query) => (data.queries[query] ? `<details class="sql" id="sql-${query}"><summary>${esc(t("sql"))}</summary>
    <button type="button" class="copy" data-query="${query}">${esc(t("copy"))}</button><pre tabindex="0">${esc(data.queries[query])}</pre></details>` : "");
  const folded = (id, head, rows, query) => `<details id="table-${id}"><summary>${esc(t("as_table"))}</summary>
    ${rows.length ? plain(head, rows) : `<p>${esc(t("no_data"))}</p>`}${sql(query)}</details>`;
  const picture = (id, label, height, least) => `<div class="scroll" tabindex="0" role="region" aria-label="${esc(label)}">
    <div class="chart" id="chart-${id}" role="img" aria-label="${esc(label)}" style="height:${height}px;min-width:${least || 0}px"></div></div>`;
  const empty = () => `<p class="soft">${esc(t("no_data"))}</p>`;

  // The three sentences.
  function sentences() {
    const facts = data.facts[state.model]?.[state.period];
    const lost = facts?.lost[`${state.persona}|${state.channel}`];
    const pain = facts?.pain[state.persona], first = facts?.first[state.persona];
    const amount = (value) => (value ? money(value) : "");
    return [
      ["lost", lost ? pct(lost[3] ? lost[2] / lost[3] : null) : "–", t("lost_head"), lost ? t(lost[3] ? "lost_is" : "lost_some", {
        persona: persona(lost[0]), stage: stage(lost[1]), lost: num(lost[2]), judged: num(lost[3] ?? lost[2]),
        share: lost[3] ? pct(lost[2] / lost[3]) : "–",
        money: amount(lost[4]) ? t("lost_money", {money: amount(lost[4])}) : ""}) : t("none_lost"), ""],
      ["pain", pain ? num(pain.score) : "–", t("pain_head"), pain ? t("pain_is", {
        persona: persona(pain.persona), stage: stage(pain.stage), touchpoint: name("touchpoint_type", pain.touchpoint),
        answers: num(pain.answers), dissatisfied: num(pain.dissatisfied), share: pct(pain.share), score: num(pain.score)})
        : t("pain_none"), "channel"],
      ["first", first ? pct(first.parts.together) : "–", t("first_head"), first ? t("first_is", {
        persona: persona(first.persona), stage: stage(first.stage), touchpoint: name("touchpoint_type", first.touchpoint),
        part: pct(first.parts.together),
        people: first.lost > 0 ? t("first_people", {lost: num(first.lost)}) : t("first_dissatisfied", {dissatisfied: num(first.dissatisfied)}),
        money: amount(first.money) ? t("first_money", {money: amount(first.money)}) : ""}) + tried(first.stage) : t("none_first"), "channel"],
    ];
  }
  function tried(code) {
    const held = stages().find((row) => row[0] === code);
    const one = data.initiatives.find((each) => held && canonical(held).includes(each.stage));
    return one ? `${language === "ja" ? "" : " "}${t("tried", {initiative: language === "ja" ? one.name_ja : one.name_en, verdict: t(one.verdict)})}` : "";
  }
  const answersBlock = () => `<ol class="answers">${sentences().map(([kind, big, head, text, split]) =>
    `<li class="${kind}"><h2>${esc(head)}</h2><p class="big">${esc(big)}<small>${kind === "pain" && big !== "–" ? " / 100" : ""}</small></p><p>${esc(text.trim())}</p>${split ? cannot(split) : ""}</li>`).join("")}</ol>`;

  // The journey map: a row of each kind over the stages.
  // A cell of the chosen slice; what is hidden of all personas is at least what is shown of each.
  const AT = {reached: 0, open: 1, went: 2, late: 3, lost: 4, entered: 7, returned: 8};
  function whole(code) {
    const cell = here(data.journeys)[code], parts = known().map((who) => here(data.journeys, who)[code]).filter(Boolean);
    if (!cell) return null;
    const found = {least: new Set(), moves: {}};
    for (const [key, at] of Object.entries(AT)) {
      const sum = parts.reduce((total, part) => total + Math.max(part[at] ?? 0, 0), 0);
      const isLess = state.persona === ALL && cell[at] < 0 && sum > 0 && key !== "late";
      found[key] = isLess ? sum : cell[at];
      if (isLess) found.least.add(key);
    }
    for (const into of Object.keys(cell[9])) {
      const sum = parts.reduce((total, part) => total + Math.max(part[9][into] ?? 0, 0), 0);
      const isLess = state.persona === ALL && cell[9][into] < 0 && sum > 0;
      found.moves[into] = isLess ? sum : cell[9][into];
      if (isLess) found.least.add(into);
    }
    return found;
  }
  const atLeast = (found, key) => {
    const value = key in found ? found[key] : found.moves[key];
    return found.least.has(key) ? t("at_least", {n: num(value)}) : num(value);
  };
  // Share that went on; with too few open ones to be shown, of all who reached the stage.
  function rate(cell) {
    if (!cell || !(cell[2] >= 0)) return null;
    if (cell[4] >= 0 && cell[2] + cell[4] > 0) return {share: cell[2] / (cell[2] + cell[4]), n: cell[2] + cell[4]};
    return cell[0] > 0 && cell[1] !== 0 ? {share: cell[2] / cell[0], n: cell[0], isLeast: true} : null;
  }
  const ENDS = [[2, "went", "blue"], [4, "lost", "orange"], [1, "open", "quiet"]];
  function bar(cell) {
    const shown = ENDS.reduce((total, [i]) => total + Math.max(cell[i], 0), 0), all = Math.max(cell[0], shown);
    if (!shown) return "";
    const part = (count, tone, words) => (count > 0 ? `<i style="width:${(100 * count / all).toFixed(1)}%;--tone:var(--${tone})" title="${esc(words)}"></i>` : "");
    return `<div class="bar" aria-hidden="true">${ENDS.map(([i, key, tone]) => part(cell[i], tone, `${t(key)} ${num(cell[i])}`)).join("")}${part(all - shown, "rule", t("hidden"))}</div>`;
  }
  function wentOn(code, isLast) {
    if (isLast) return "<p>–</p>";
    const parts = known().map((who) => [who, here(data.journeys, who)[code]]).filter(([, cell]) => cell);
    if (!parts.length) return `<p>${esc(t("no_data"))}</p>`;
    const named = data.personas.length > 1;
    const rows = parts.map(([who, cell]) => {
      const found = rate(cell);
      const trend = found && !found.isLeast && cell[6] ? found.share - cell[6][0] / cell[6][1] : null;
      const text = found
        ? `<b>${esc(found.isLeast ? t("at_least", {n: pct(found.share)}) : pct(found.share))}</b> <span class="soft few">n ${esc(num(found.n))}</span>${trend === null ? ""
          : ` <span class="${trend < -0.0005 ? "down" : "up"}" title="${esc(t("trend"))}">${trend < -0.0005 ? "▼" : trend > 0.0005 ? "▲" : ""}${esc(signed(100 * trend))}</span>`}`
        : `<span class="soft">${esc(t("hidden"))}</span>`;
      return `<li>${named ? `<span class="who">${esc(persona(who))}</span>` : ""}<span>${text}</span>${found ? bar(cell) : ""}</li>`;
    });
    const found = whole(code);
    const late = found.late > 0 ? ` · ${t("late")} ${num(found.late)}` : "";
    return `<ul class="rates">${rows.join("")}</ul><p class="fine">${esc(["went", "lost", "open"].map((key) => `${t(key)} ${atLeast(found, key)}`).join(" · "))}${esc(late)}</p>`;
  }
  const canonical = (row) => row[3].filter(Boolean);
  function wants(row) {
    const said = (need, key) => need[`${key}_${language}`] || need[`${key}_${language === "ja" ? "en" : "ja"}`];
    const mine = data.needs.filter((need) => canonical(row).includes(need.stage) && (state.persona === ALL || need.persona === state.persona));
    return mine.length ? `<ul class="needs">${mine.map((need) => `<li>${state.persona === ALL ? `<span class="who">${esc(persona(need.persona))}</span><br>` : ""}${esc(said(need, "needs"))}${said(need, "issue")
      ? `<br><span class="fine">${esc(t("known_issue", {issue: said(need, "issue")}))}</span>` : ""}</li>`).join("")}</ul>` : "<p>–</p>";
  }
  function does(row) {
    const mine = data.touchpoints[state.period]?.[state.persona] || {};
    const sums = new Map();
    for (const code of canonical(row)) for (const [kind, count] of mine[code] || []) sums.set(kind, (sums.get(kind) || 0) + count);
    const list = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 4);
    return list.length ? `<ul class="pairs">${list.map(([kind, count]) => `<li><span>${esc(name("touchpoint_type", kind))}</span><span class="n">${esc(num(count))}</span></li>`).join("")}</ul>` : "–";
  }
  const kpiValue = (code, value) => {
    if (value === "hidden") return t("hidden");
    const kind = data.kpis.definitions[code].unit;
    if (value === null || value === undefined) return "–";
    if (kind === "share" || (kind === "rate" && ["roas", "roi"].includes(code))) return pct(value, 1);
    if (kind === "amount") return money(value);
    return num(value, kind === "count" ? 0 : 2);
  };
  const kpisHere = () => data.kpis.values[state.persona] || {};
  function meter(code, found) {
    if (found[2] === null) return "";
    return `<span class="meter" aria-hidden="true"><i class="${found[2] >= 1 ? "good" : "bad"}" style="width:${Math.min(100, 100 * found[2]).toFixed(0)}%"></i></span>`;
  }
  function stageKpis(row) {
    const mine = Object.entries(kpisHere()).filter(([code, found]) => canonical(row).includes(data.kpis.definitions[code]?.stage)
      && found[0] !== null && found[0] !== "hidden");
    const aimed = mine.filter(([, found]) => found[1] !== null);
    const list = (aimed.length ? aimed : mine.filter(([, found]) => found[0])).slice(0, 3);
    return list.length ? `<ul class="kpis">${list.map(([code, found]) => `<li><span>${esc(name2(code))}</span><b>${esc(kpiValue(code, found[0]))}</b>${meter(code, found)}${found[1] === null ? ""
      : `<span class="soft">${esc(t("target"))} ${esc(kpiValue(code, found[1]))}${found[2] === null ? "" : ` · ${esc(pct(found[2]))}`}</span>`}</li>`).join("")}</ul>` : "–";
  }
  const name2 = (code) => (language === "ja" ? data.kpis.definitions[code].name_ja : data.kpis.definitions[code].name_en);
  const painList = () => of(data.pains)?.[state.persona] || [];
  const byRank = (rank) => [...painList()].filter((pain) => pain.parts[rank] > 0).sort((a, b) => b.parts[rank] - a.parts[rank]);
  function painText(pain, withStage) {
    const parts = [];
    if (pain.share !== null) parts.push(`${t("dissatisfied")} ${pct(pain.share)} (${pct(pain.interval[0])}–${pct(pain.interval[1])}, n ${num(pain.answers)}), ${t("score")} ${num(pain.score)}`);
    if (pain.lost > 0) parts.push(`${t("left")} ${people(pain.lost)}`);
    if (pain.money) parts.push(money(pain.money));
    const who = state.persona === ALL && data.personas.length > 1 ? `<span class="soft">${esc(persona(pain.persona))}</span> ` : "";
    return `<b>${withStage ? `${esc(stage(pain.stage))} · ` : ""}${esc(name("touchpoint_type", pain.touchpoint))}</b> ${who}<br><span class="fine">${esc(parts.join(" · "))}</span>`;
  }
  function stagePains(code) {
    const list = ["dissatisfied", "lost", "money"].map((rank) => byRank(rank).find((pain) => pain.stage === code)).filter(Boolean);
    return list.length ? `<ul class="pains">${[...new Set(list)].slice(0, 2).map((pain) => `<li>${painText(pain)}</li>`).join("")}</ul>` : "–";
  }
  function stageInitiatives(row) {
    const list = data.initiatives.filter((one) => canonical(row).includes(one.stage));
    return list.length ? `<ul class="pains">${list.map((one) => {
      const kind = data.kpis.definitions[one.kpi]?.unit;
      const value = (x) => (kind === "share" ? pct(x, 1) : num(x, 2));
      const change = one.before_value === null || one.after_value === null ? "" : `${value(one.before_value)} → ${value(one.after_value)}${kind === "count" ? t("a_day") : ""}`;
      return `<li><b>${esc(language === "ja" ? one.name_ja : one.name_en)}</b> <span class="verdict ${esc(one.verdict)}">${esc(t(one.verdict))}</span><br><span class="fine">${esc(name2(one.kpi))} ${esc(change)}</span></li>`;
    }).join("")}</ul>` : "–";
  }
  function design(row) {
    const maps = data.deviations[state.period] || {};
    const rows = Object.keys(maps).filter((who) => state.persona === ALL ? who !== "(any)" || Object.keys(maps).length === 1 : who === state.persona)
      .flatMap((who) => canonical(row).flatMap((code) => Object.entries(maps[who][code] || {}).map(([kind, [count, whole]]) => [who, kind, count, whole])))
      .filter(([, , count, whole]) => count > 0 && whole > 0);
    const who = [...new Set(rows.map((one) => one[0]))];
    return who.length ? `<ul>${who.map((code) => `<li>${state.persona === ALL ? `<span class="who">${esc(persona(code))}</span> ` : ""}${rows.filter((one) => one[0] === code).slice(0, 2)
      .map(([, kind, count, all]) => `${esc(t(kind === "late" ? "late_map" : kind))} <b>${esc(pct(count / all))}</b> <span class="soft few">n ${esc(num(all))}</span>`).join(language === "ja" ? "、" : ", ")}</li>`).join("")}</ul>` : "<p>–</p>";
  }
  function curveSeries() {
    const tones = ["blue", "orange", "green", "purple", "sky"], symbols = ["circle", "rect", "triangle", "diamond", "circle"];
    const points = (who, kind) => stages().map(([code]) => {
      const cell = here(data.answers, who)[kind]?.[code];
      return cell && cell[0] > 0 ? [cell[1], cell[2], cell[0]] : null;
    });
    const filled = (one) => one.points.some(Boolean);
    const who = known().map((code, i) => ({code, name: persona(code), tone: tones[i % 5], symbol: symbols[i % 5], points: points(code, "satisfaction")})).filter(filled);
    if (who.length > 1) return who;
    const only = who[0]?.code ?? state.persona;
    return ["satisfaction", "expectation", "experience"].map((kind, i) => ({code: only, kind, name: t(kind), tone: ["blue", "orange", "green"][i],
      symbol: symbols[i], dashed: i > 0, points: points(only, kind)})).filter(filled);
  }
  function headcount(code) {
    const found = whole(code);
    return found === null ? people(0) : found.least.has("reached") ? t("at_least", {n: people(found.reached)}) : people(found.reached);
  }
  function journeyBlock() {
    const list = stages();
    const hasNeeds = data.needs.length > 0, hasDesign = Object.keys(data.deviations).length > 0;
    const rows = [
      hasNeeds && ["wants", wants],
      ["does", does],
      ["reached", (row) => `<span class="count">${esc(headcount(row[0]))}</span>`],
      ["went_on", (row, i) => wentOn(row[0], i >= last())],
      ["kpis", stageKpis],
      ["feeling", null],
      ["pains", (row) => stagePains(row[0])],
      data.initiatives.length > 0 && ["initiatives", stageInitiatives],
      hasDesign && ["design", design],
    ].filter(Boolean);
    const at = rows.findIndex(([key]) => key === "feeling") + 2;
    const series = curveSeries();
    const label = (key) => (key === "feeling" ? term("satisfaction", t("feeling")) : term(key));
    const head = [t("stage"), ...["reached", "went", "lost", "late", "open"].map((key) => ({html: esc(t(key)), n: true})), ...series.flatMap((one) => [{html: esc(one.name), n: true}, {html: "n", n: true}])];
    const body = list.map(([code], i) => {
      const found = whole(code);
      return [stage(code), ...["reached", "went", "lost", "late", "open"].map((key) => right(found && (key === "reached" || i < last()) ? atLeast(found, key) : "–")),
        ...series.flatMap((one) => [right(one.points[i] ? `${num(one.points[i][0])} ± ${num(one.points[i][1])}` : "–"), right(one.points[i] ? num(one.points[i][2]) : "–")])];
    });
    return `<section id="journey"><h2>${esc(t("journey"))}</h2><p class="soft">${esc(t("journey_lead"))}</p>${cannotRows()}
      ${legend(ENDS.map(([, key, tone]) => [tone, t(key)]))}
      <div class="map" style="--stages:${list.length};--rows:${rows.length + 1}">
      <div class="labels" aria-hidden="true"><span></span>${rows.map(([key]) => `<span>${label(key).replace('tabindex="0" ', "")}</span>`).join("")}</div>
      ${list.map((row, i) => `<section class="stage" style="grid-column:${i + 2}"><h3><span class="step">${i + 1}</span>${esc(row[1 + place()])}</h3>
        ${rows.map(([key, show]) => (show ? `<div class="cell ${key}"><h4>${label(key)}</h4>${show(row, i)}</div>`
          : `<div class="cell feeling small"><h4>${label(key)}</h4>${series.map((one) => (one.points[i] ? `<p class="fine">${esc(one.name)} <b>${esc(num(one.points[i][0]))}</b> ± ${esc(num(one.points[i][1]))} (n ${esc(num(one.points[i][2]))})</p>` : "")).join("") || "<p>–</p>"}</div>`)).join("")}</section>`).join("")}
      <div class="curve" style="grid-row:${at}">${series.length ? `${legend(series.map((one) => [one.tone, one.name, one.dashed ? "dash" : "line"]))}
        <div class="chart" id="chart-curve" role="img" aria-label="${esc(t("feeling"))}"></div>
        <div class="under" aria-hidden="true">${list.map((_, i) => `<span>${series.map((one) => (one.points[i] ? `<span style="--tone:var(--${one.tone})"><i></i><b>${esc(num(one.points[i][0]))}</b> n ${esc(num(one.points[i][2]))}</span>` : "")).join("")}</span>`).join("")}</div>` : empty()}</div>
      </div>
      ${folded("journey", head, body, "journey")}${sql("satisfaction")}${hasNeeds ? sql("needs") : ""}</section>`;
  }
  const cannotRows = () => (state.channel === ALL ? "" : `<p class="note">${esc([t("does"), t("kpis"), t("pains"), t("design")].join(language === "ja" ? "・" : ", "))}: ${esc(t("no_split", {what: lower(t("channel"))}))}</p>`);
  const pointWords = {point: (label, p) => `${label}: ${num(p[0])} ± ${num(p[1])} (n ${num(p[2])})`, people, number: num,
    journeys: (count) => `${t("journeys")} ${num(count)}`, money: (value) => money(value)};

  // Pains in a list, by one of four ranks.
  function painsBlock() {
    const list = byRank(state.rank);
    const most = Math.max(...list.map((pain) => pain.parts[state.rank]), 0.0001);
    const ranks = ["dissatisfied", "lost", "money", "together"];
    const head = [t("touchpoint"), t("persona"), ...["left", "answers", "dissatisfied", "interval", "score", "money"].map((key) => ({html: esc(t(key)), n: true}))];
    const rows = list.map((pain) => [`${stage(pain.stage)} · ${name("touchpoint_type", pain.touchpoint)}`, persona(pain.persona), right(num(pain.lost)), right(num(pain.answers)),
      right(pain.share === null ? (pain.dissatisfied < 0 ? num(pain.dissatisfied) : "–") : pct(pain.share)), right(pain.interval ? `${pct(pain.interval[0])}–${pct(pain.interval[1])}` : "–"), right(num(pain.score)), right(money(pain.money))]);
    return `<section id="pains"><h2>${esc(t("pains"))}</h2><p class="soft">${esc(t("pains_lead"))}</p>${cannot("channel")}
      <div class="segment" role="group" aria-label="${esc(t("pains"))}">${ranks.map((rank) => `<button type="button" data-rank="${rank}" aria-pressed="${state.rank === rank}">${esc(t(`rank_${rank}`))}</button>`).join("")}</div>
      <p class="fine">${term("rank_together", t(`rank_${state.rank}_is`))}</p>
      ${list.length ? `<ol class="ranked">${list.slice(0, 8).map((pain) => `<li><div>${painText(pain, true)}</div><div class="track" aria-hidden="true"><i style="width:${(100 * pain.parts[state.rank] / most).toFixed(1)}%"></i></div><b class="n">${esc(pct(pain.parts[state.rank]))}</b></li>`).join("")}</ol>` : empty()}
      ${folded("pains", head, rows, "pains")}</section>`;
  }

  // Flows, paths, cohorts.
  function flows() {
    const list = stages().map(([code]) => code), nodes = new Map(), links = [];
    const cube = new Map(list.map((code) => [code, whole(code)]));
    const node = (key, shown, tone, depth, count) => nodes.set(key, {name: key, shown, tone, depth, count: (nodes.get(key)?.count || 0) + count});
    const link = (source, target, value, tone, words) => links.push({source, target, value, tone, words, from: nodes.get(source).shown, into: nodes.get(target).shown});
    list.forEach((code, i) => { if (cube.get(code)?.reached > 0) node(code, stage(code), "blue", i + 1, cube.get(code).reached); });
    list.forEach((code, i) => {
      const found = cube.get(code);
      if (!nodes.has(code)) return;
      for (const [key, tone] of [["entered", "green"], ["returned", "purple"]]) {
        if (found[key] > 0 && (i || key === "returned")) { node(key, t(key), tone, 0, found[key]); link(key, code, found[key], tone, atLeast(found, key)); }
      }
      let rest = Math.max(found.went, 0);
      for (const [into, count] of Object.entries(found.moves)) {
        if (count > 0 && nodes.has(into)) { link(code, into, count, "blue", atLeast(found, into)); rest -= count; }
      }
      if (rest > 0) { node(`later ${code}`, t("later_stages"), "sky", i + 2, rest); link(code, `later ${code}`, rest, "sky", num(rest)); }
      if (i < last()) {
        for (const [key, tone] of [["lost", "orange"], ["open", "quiet"]]) {
          if (found[key] > 0) { node(`${key} ${code}`, t(key), tone, i + 2, found[key]); link(code, `${key} ${code}`, found[key], tone, atLeast(found, key)); }
        }
      }
    });
    return [[...nodes.values()], links];
  }
  function flowsBlock() {
    const [, links] = flows();
    return `<section id="flows"><h2>${esc(t("flows"))}</h2><p class="soft">${esc(t("flows_lead"))}</p>
      ${links.length ? picture("flows", t("flows"), 480, 760) : empty()}
      ${folded("flows", [t("from"), t("to"), {html: esc(t("moved")), n: true}], links.map((one) => [one.from, one.into, right(one.words)]), "journey")}</section>`;
  }
  function pathTree() {
    const list = data.paths[state.period]?.[state.persona] || [], root = [], index = new Map([["", root]]);
    for (const [path, count] of [...list].sort((a, b) => a[0].length - b[0].length || b[1] - a[1])) {
      const parent = index.get(path.slice(0, -1).join("|"));
      if (!parent || path.at(-1) === "(purchase)") continue;
      const children = [];
      parent.push({name: channel(path.at(-1)), value: count, children});
      index.set(path.join("|"), children);
    }
    return [root, list.filter(([path]) => path.at(-1) === "(purchase)")];
  }
  function pathsBlock() {
    const [tree, whole] = pathTree();
    const rows = whole.map(([path, count]) => [path.map((step) => (step === "(purchase)" ? t(step) : channel(step))).join(" → "), right(num(count))]);
    return `<section id="paths"><h2>${esc(t("paths"))}</h2><p class="soft">${esc(t("paths_lead"))}</p>${cannot("channel", "model")}
      ${tree.length ? `<div class="two">${picture("paths", t("paths"), 380, 300)}<ol class="top">${rows.slice(0, 8).map((row) => `<li><span>${esc(row[0])}</span><b class="n">${row[1].html}</b></li>`).join("")}</ol></div>` : empty()}
      ${folded("paths", [t("path"), {html: esc(t("journeys")), n: true}], rows, "paths")}</section>`;
  }
  const inSpan = (text) => text >= data.spans[state.period][0].slice(0, 7) && text <= data.spans[state.period][1].slice(0, 7);
  function cohortsBlock() {
    const mine = data.cohorts.filter((row) => inSpan(row[0]));
    const months = [...new Set(mine.map((row) => row[0]))].slice(-18), width = Math.min(12, Math.max(0, ...mine.map((row) => row[1])));
    const most = Math.max(...mine.map((row) => row[3] || 0), 0.01);
    const table = months.length && width ? `<div class="scroll" tabindex="0" role="region" aria-label="${esc(t("cohorts"))}"><table class="heat"><thead><tr><th scope="col">${esc(t("cohort"))}</th><th scope="col" class="n">${esc(t("size"))}</th>
      ${Array.from({length: width}, (_, i) => `<th scope="col" class="n">${esc(t("month_n", {n: i + 1}))}</th>`).join("")}</tr></thead><tbody>
      ${months.map((text) => { const rows = mine.filter((row) => row[0] === text); return `<tr><th scope="row">${esc(month(text))}</th><td class="n">${esc(num(rows[0][2]))}</td>${Array.from({length: width}, (_, i) => {
        const row = rows.find((one) => one[1] === i + 1);
        if (!row) return "<td></td>";
        return row[3] === null ? `<td class="n soft">–</td>` : `<td class="n" style="--heat:${(row[3] / most).toFixed(2)}">${esc(pct(row[3]))}</td>`;
      }).join("")}</tr>`; }).join("")}</tbody></table></div>` : empty();
    return `<section id="cohorts"><h2>${term("cohorts", t("cohorts"))}</h2><p class="soft">${esc(t("cohorts_lead"))}</p>${cannot("persona", "channel")}${table}${sql("cohorts")}</section>`;
  }

  // Money.
  function valueRows() {
    const cube = data.value[state.period]?.[`${state.persona}|${state.channel}`] || {};
    return Object.keys(data.labels.value_stage || {}).filter((code) => cube[code]).sort((a, b) => order(a) - order(b)).map((code) => [code, cube[code]]);
  }
  const order = (code) => ["purchase", "onboarding", "use", "support", "renewal", "expansion", "advocacy"].indexOf(code);
  function valueBlock() {
    const rows = valueRows(), shown = rows.filter(([, cell]) => cell[0] > 0);
    const head = [t("stage"), ...["customers", "contracted", "billed", "paid", "at_risk", "to_bill", "to_delivery", "to_payment"].map((key) => ({html: esc(t(key)), n: true}))];
    return `<section id="value"><h2>${term("value", t("value"))}</h2><p class="soft">${esc(t("value_lead"))}</p>${cannot("model")}
      ${shown.length ? `${legend([["sky", t("contracted")], ["purple", t("billed")], ["blue", t("paid")]])}${picture("value", t("value"), 260, 520)}` : empty()}
      ${shown.length ? `<div class="clocks">${shown.slice(0, 4).map(([code, cell]) => clock(code, cell)).join("")}</div>` : ""}
      ${folded("value", head, rows.map(([code, cell]) => [name("value_stage", code), right(num(cell[0])), ...[1, 2, 3, 4].map((i) => right(money(cell[i]))), ...[5, 6, 7].map((i) => right(num(cell[i], 1)))]), "value")}</section>`;
  }
  function clock(code, cell) {
    const marks = [["contracted", 0, "sky"], ["billed", cell[5], "purple"], ["delivered", cell[6], "green"], ["paid", cell[7], "blue"]].filter(([, days]) => days !== null);
    const most = Math.max(...marks.map(([, days]) => days), 1);
    return `<div class="clock"><h4>${esc(name("value_stage", code))}</h4><div class="lane" aria-hidden="true">${marks.map(([, days, tone]) => `<i style="left:${(96 * Math.max(days, 0) / most).toFixed(1)}%;--tone:var(--${tone})"></i>`).join("")}</div>
      <p class="fine">${marks.map(([key, days, tone]) => `<span><i class="dot" style="--tone:var(--${tone})"></i>${esc(t(key))} ${esc(key === "contracted" ? "0" : num(days, 1))}${language === "ja" ? "日" : " d"}</span>`).join(" ")}</p></div>`;
  }
  function bridgeSteps() {
    const mine = data.money.recurring.filter((row) => inSpan(row[1]) && row[0] === data.release.currency);
    if (!mine.length) return [];
    const sum = (i) => mine.reduce((total, row) => total + row[i], 0);
    return [[t("start"), mine[0][2], true], ...["new", "expansion", "reactivation", "contraction", "churn"].map((key, i) => [t(key), sum(3 + i), false]), [t("end"), mine.at(-1)[8], true]];
  }
  function owedRows() { return data.money.owed.filter((row) => inSpan(row[1]) && row[0] === data.release.currency); }
  function moneyBlock() {
    const steps = bridgeSteps(), owed = owedRows(), isOwed = owed.some((row) => row.slice(2).some((value) => value));
    const amounts = ["start", "new", "expansion", "reactivation", "contraction", "churn", "end"];
    return `<section id="money">${steps.length ? `<h2>${term("recurring", t("recurring"))}</h2>${cannot("persona", "channel")}${picture("bridge", t("recurring"), 240, 480)}
      ${folded("recurring", [t("month"), t("currency"), ...amounts.map((key) => ({html: esc(t(key)), n: true}))], data.money.recurring.filter((row) => inSpan(row[1])).map((row) => [month(row[1]), row[0], ...row.slice(2).map((value) => right(money(value, row[0])))]), "recurring")}` : ""}
      ${owed.length ? `<h2>${esc(t("owed"))}</h2>${cannot("persona", "channel")}${isOwed ? `${legend([["orange", t("unpaid"), "line"], ["blue", t("pay_later"), "line"], ["green", t("prepaid"), "line"]])}${picture("owed", t("owed"), 220, 480)}` : `<p>${esc(t("nothing_owed"))}</p>`}
      ${folded("owed", [t("month"), t("currency"), ...["unpaid", "pay_later", "prepaid", "undelivered"].map((key) => ({html: esc(t(key)), n: true}))], data.money.owed.filter((row) => inSpan(row[1])).map((row) => [month(row[1]), row[0], ...row.slice(2).map((value) => right(money(value, row[0])))]), "exposure")}` : ""}</section>`;
  }

  // KPI tree.
  function treeBlock() {
    const mine = kpisHere(), definitions = data.kpis.definitions;
    const filled = new Set(Object.keys(mine).filter((code) => definitions[code] && mine[code][0] !== null));
    const children = new Map();
    for (const code of filled) {
      let parent = definitions[code].parent_kpi;
      const seen = new Set([code]);
      while (parent && !filled.has(parent)) { if (seen.has(parent)) { parent = null; break; } seen.add(parent); parent = definitions[parent]?.parent_kpi; }
      if (seen.has(parent)) parent = null;
      children.set(parent || "", [...(children.get(parent || "") || []), code]);
    }
    const added = new Map();
    for (const [parent, child, amount] of data.kpis.contributions[state.persona] || []) if (!added.has(`${parent}|${child}`)) added.set(`${parent}|${child}`, amount);
    const isNumber = (value) => typeof value === "number";
    const difference = (code, value) => {
      const unit = definitions[code].unit;
      return unit === "share" ? `${signed(100 * value)} ${t("points")}` : unit === "amount" ? `${value > 0 ? "+" : ""}${money(value)}` : signed(value, unit === "count" ? 0 : 2);
    };
    const line = (code, parent) => {
      const found = mine[code], change = isNumber(found[0]) && isNumber(found[3]) ? found[0] - found[3] : null;
      const part = added.get(`${parent}|${code}`);
      const isGood = change !== null && (definitions[code].direction === "up" ? change >= 0 : change <= 0);
      return `<span class="kpi">${esc(name2(code))}</span> <b class="n">${esc(kpiValue(code, found[0]))}</b>${meter(code, found)}
        <span class="fine">${found[1] === null ? "" : `${esc(t("target"))} ${esc(kpiValue(code, found[1]))}`} ${change ? `<span class="${isGood ? "up" : "down"}">${change > 0 ? "▲" : "▼"}${esc(difference(code, change))}</span>` : ""}
        ${part ? ` → ${esc(name2(parent))} ${esc(difference(parent, part))}` : ""}</span>`;
    };
    const branch = (code, parent, depth) => (children.get(code)
      ? `<li><details class="branch" id="kpi-${esc(code)}" ${depth < 1 ? "open" : ""}><summary>${line(code, parent)}</summary><ul>${children.get(code).map((child) => branch(child, code, depth + 1)).join("")}</ul></details></li>`
      : `<li class="leaf">${line(code, parent)}</li>`);
    const head = ["KPI", ...["value_now", "target", "attainment", "before"].map((key) => ({html: esc(t(key)), n: true})), t("owner")];
    const rows = [...filled].map((code) => [name2(code), right(kpiValue(code, mine[code][0])), right(kpiValue(code, mine[code][1])), right(pct(mine[code][2])), right(kpiValue(code, mine[code][3])), definitions[code].owner_department]);
    return `<section id="tree"><h2>${esc(t("tree"))}</h2><p class="soft">${esc(t("tree_lead", {month: month(data.kpis.month)}))}</p>${cannot("channel")}
      ${filled.size ? `<ul class="tree">${(children.get("") || []).map((code) => branch(code, "", 0)).join("")}</ul>` : empty()}
      ${folded("kpis", head, rows, "kpis")}${sql("contributions")}</section>`;
  }

  // Attribution and quality.
  // Customers: segments and how they moved, groups, risks and why, next actions, experiments.
  function moves() {
    const nodes = new Map(), tones = {new: "green", active: "blue", won_back: "purple", at_risk: "orange", lapsed: "quiet"};
    const rank = (code) => ["(none)", "new", "active", "won_back", "at_risk", "lapsed"].indexOf(code);
    const list = data.customers.moves.filter((row) => row[2] > 0).sort((a, b) => rank(a[0]) - rank(b[0]) || rank(a[1]) - rank(b[1]));
    const called = (code) => (code === "(none)" ? t("not_customer") : name("lifecycle", code));
    const node = (side, code, count) => { const key = `${side} ${code}`;
      nodes.set(key, {name: key, shown: called(code), tone: tones[code] || "soft", depth: side === "from" ? 0 : 1, count: (nodes.get(key)?.count || 0) + count}); return key; };
    const links = list.map(([from, into, count]) => ({source: node("from", from, count), target: node("to", into, count), value: count, tone: tones[into] || "soft", words: people(count), from: called(from), into: called(into)}));
    return [[...nodes.values()], links];
  }
  function customersBlock() {
    const {groups, risks, drivers, actions, experiments} = data.customers, [, links] = moves();
    const called = (row) => (row[place()] ?? "–");
    const feature = (row) => `${row[1 + place()]}${row[3] ? `: ${persona(row[3])}` : ""}`;
    const share = (row, value) => (row.is_share ? pct(value, 1) : num(value, 2));
    const range = (row, low, high) => (low === null || high === null ? "–" : `${share(row, low)} – ${share(row, high)}`);
    return `<section id="customers"><h2>${esc(t("segments"))}</h2><p class="soft">${esc(t("segments_lead"))}</p>${cannot("persona", "channel")}
      ${links.length ? picture("moves", t("segments"), 300, 520) : empty()}
      ${folded("moves", [t("from"), t("to"), {html: esc(t("customers")), n: true}], data.customers.moves.map(([from, into, count]) => [from === "(none)" ? t("not_customer") : name("lifecycle", from), name("lifecycle", into), right(num(count))]), "moves")}
      ${groups.length ? `<h3>${term("groups", t("groups"))}</h3><p class="soft">${esc(called(groups[0].verdict))}${groups[0].values[2] === null ? "" : ` · ${esc(t("agreement"))} ${esc(num(groups[0].values[2], 2))}`}</p>${groups[0].name ? plain([t("group"), {html: esc(t("customers")), n: true}, t("usual_persona"), {html: esc(t("stability")), n: true}], groups.map((row) => [called(row.name), right(num(row.people)), row.persona ? `${persona(row.persona)}${row.values[0] === null ? "" : ` ${pct(row.values[0])}`}` : "–", right(num(row.values[1], 2))])) : ""}${sql("groups")}` : ""}
      <h3>${term("risk", t("risk"))}</h3>${risks.length ? risks.map((one) => `<p class="soft">${esc(name("business_type", one.kind))} · ${esc(t("within_days", {days: num(one.days)}))} · ${esc(name("churn_verdict", one.verdict))}</p>
        ${plain([t("risk"), {html: esc(t("customers")), n: true}, t("why")], one.bands.map(([band, count, reasons]) => [band === null ? t("not_judged") : name("risk_band", band), right(num(count)), reasons.map(([code, number]) => `${name("churn_reason", code)} (${num(number)})`).join(" · ") || "–"]))}`).join("") : empty()}${sql("risks")}
      ${drivers.length ? `<h4>${term("drivers", t("drivers"))}</h4>${plain([t("driver"), {html: esc(t("left_mean")), n: true}, {html: esc(t("stayed_mean")), n: true}, {html: esc(t("difference")), n: true}, {html: esc(t("interval")), n: true}], drivers.map((row) => [feature(row), right(num(row[4], 2)), right(num(row[5], 2)), right(signed(row[6], 2)), right(`${num(row[7], 2)} – ${num(row[8], 2)}`)]))}${sql("drivers")}` : ""}
      <h3>${term("actions", t("actions"))}</h3>${actions.length ? plain([t("action"), t("why"), {html: esc(t("customers")), n: true}, {html: esc(t("gain")), n: true}, {html: esc(t("cost")), n: true}], actions.map((row) => [row.action ? name("next_action", row.action) : "–", `${name("reason_code", row.reason)}${row.evidence ? ` · ${name("evidence_kind", row.evidence)}` : ""}`, right(num(row.people)), right(money(row.gain)), right(money(row.cost))])) : empty()}${sql("actions")}
      <h3>${term("experiments", t("experiments"))}</h3>${experiments.length ? plain([t("experiment"), t("metric"), {html: esc(t("people_shown")), n: true}, {html: esc(t("result")), n: true}, {html: esc(t("difference")), n: true}, {html: esc(t("interval")), n: true}, t("verdict")], experiments.map((row) => [`${called(row.name)}: ${called(row.variant)}`, called(row.metric), right(num(row.people)), right(share(row, row.values[0])), right(row.values[1] === null ? "–" : (row.values[1] > 0 ? "+" : "") + share(row, row.values[1])), right(range(row, row.values[2], row.values[3])), `${called(row.verdict)}${row.reason[place()] ? `: ${called(row.reason)}` : ""}`])) : empty()}${sql("experiments")}</section>`;
  }
  function spreadBlock() {
    const list = data.spread, most = Math.max(...list.map((row) => row.highest_credit), 1);
    const range = (row) => `${num(row.lowest_credit, 1)}–${num(row.highest_credit, 1)}`;
    return `<section id="spread"><h2>${term("spread", t("spread"))}</h2><p class="soft">${esc(t("spread_lead"))}</p>${cannot("persona", "channel")}
      ${list.length ? `<ul class="ranges" aria-hidden="true">${list.slice(0, 12).map((row) => `<li><span>${row.is_rank_method_dependent ? "▲ " : ""}${esc(channel(row.channel))}</span><span class="track"><i class="${row.is_rank_method_dependent ? "wide" : ""}" style="left:${(100 * row.lowest_credit / most).toFixed(1)}%;width:${Math.max(0.8, 100 * (row.highest_credit - row.lowest_credit) / most).toFixed(1)}%"></i></span><span class="n">${esc(range(row))}</span></li>`).join("")}</ul>` : empty()}
      ${folded("spread", [t("channel"), {html: esc(t("lowest")), n: true}, t("method"), {html: esc(t("highest")), n: true}, t("method"), {html: esc(t("ranks")), n: true}],
        list.map((row) => [channel(row.channel), right(num(row.lowest_credit, 1)), name("method", row.lowest_method), right(num(row.highest_credit, 1)), name("method", row.highest_method), right(`${row.best_rank}–${row.worst_rank}`)]), "spread")}</section>`;
  }
  function restatementsBlock() {
    const {sentences, marts, value_count: values, slice_count: slices} = data.restatements;
    const heads = ["rows_before", "rows_now", "rows_added", "rows_removed", "rows_changed"];
    return `<section id="restatements"><h2>${esc(t("restatements"))}</h2><p class="soft">${esc(t("restatements_lead"))}</p>
      ${sentences.length ? `<ul>${sentences.map((both) => `<li>${esc(both[place()])}</li>`).join("")}</ul>` : `<p>${esc(t("restated_none"))}</p>`}
      ${values + slices ? `<p class="soft">${esc(t("restated_more", {values: num(values), slices: num(slices)}))}</p>` : ""}${sql("restatements")}
      ${marts.length ? folded("restated_marts", [t("mart"), ...heads.map((key) => ({html: esc(t(key)), n: true}))], marts.map(([mart, ...counts]) => [mart, ...counts.map((count) => right(count.toLocaleString(locale())))]), "restated_marts") : ""}</section>`;
  }
  function qualityBlock() {
    const {loads, reasons, drift} = data.quality, keys = ["files", "rows", "loaded", "duplicates", "quarantined", "erased", "expired", "rejected"];
    const record = (path) => ({html: `${esc(data.records[path]?.[place()] ?? "")} <span class="soft">${esc(path)}</span>`});
    return `<section id="quality"><h2>${esc(t("quality"))}</h2><p><a href="${esc(data.checks_page)}">${esc(t("all_checks"))}</a></p>
      ${plain([t("table"), ...keys.map((key) => ({html: esc(t(key)), n: true})), t("last_day")], loads.map((row) => [record(`${row.source}/${row.table_name}`), ...keys.map((key) => right(row[key].toLocaleString(locale()))), row.through ? row.through.slice(0, 10) : "–"]))}
      ${sql("quality")}
      ${reasons.length ? `<h3>${esc(t("reason"))}</h3>${plain([t("reason"), t("table"), {html: esc(t("rows")), n: true}], reasons.map((row) => [(data.reasons[row.reason] || [row.reason, row.reason])[place()], record(row.table_name), right(row.rows.toLocaleString(locale()))]))}${sql("reasons")}` : ""}
      ${drift.length ? `<h3>${esc(t("drift"))}</h3>${plain([t("files"), t("finding"), t("drifted_column"), t("detail")], drift.map(([file, kind, column, details]) => [file, (data.drift_kinds[kind] || [kind, kind])[place()], column || "–", details[place()]]))}` : ""}</section>`;
  }
  const glossaryBlock = () => `<section id="glossary"><h2>${esc(t("glossary"))}</h2><dl>${Object.entries(data.glossary).map(([key, words]) => `<div><dt>${esc(t(key))}</dt><dd>${esc(words[place()])}</dd></div>`).join("")}</dl></section>`;

  // Header and switches.
  function top() {
    const {release} = data;
    const badges = [release.is_synthetic && ["sample", t("synthetic")], ...release.stale.map((source) => ["warn", t("stale", {source: t(source), day: release.through[source]})])].filter(Boolean);
    return `<header class="top"><h1>${esc(t("title"))}${release.name ? `: ${esc(release.name)}` : ""}</h1>
      ${badges.map(([kind, text]) => `<p class="badge ${kind}">${esc(text)}</p>`).join("")}
      <p class="soft">${esc(t("release"))} ${esc(release.id)} · ${esc(t("as_of"))} ${esc(release.as_of.slice(0, 16))} UTC · ${esc(release.currency)} · ✓ ${esc(num(release.passed))} ${esc(t("checks"))}</p>
      ${release.warnings.length ? `<details class="badge warn" id="warnings"><summary>${esc(t("warnings"))} ${esc(num(release.warnings.length))}</summary><ul>${release.warnings.map((text) => `<li>${esc(text)}</li>`).join("")}</ul></details>` : ""}</header>`;
  }
  const choice = (key, options, label) => `<label>${esc(t(key))}<select data-switch="${key}">${options.map((code) => `<option value="${esc(code)}" ${state[key] === code ? "selected" : ""}>${esc(label(code))}</option>`).join("")}</select></label>`;
  const segment = (key, options) => `<div class="segment" role="group" aria-label="${esc(t(key))}"><span class="caption">${esc(t(key))}</span>${options.map((code) => `<button type="button" data-switch="${key}" data-value="${esc(code)}" aria-pressed="${state[key] === code}">${esc(t(code))}</button>`).join("")}</div>`;
  function switches() {
    return `<nav class="switches" aria-label="${esc(t("persona"))}, ${esc(t("period"))}">
      ${choice("persona", [ALL, ...data.personas], persona)}${choice("channel", [ALL, ...data.channels], channel)}
      ${segment("period", periods)}${segment("model", Object.keys(data.models))}
      <span class="span">${esc(data.spans[state.period][0] === "1900-01-01" ? `– ${data.spans[state.period][1]}` : `${data.spans[state.period][0]} – ${data.spans[state.period][1]}`)}</span></nav>`;
  }

  const printed = matchMedia("print");
  function show() {
    const open = new Set([...live.querySelectorAll("details[open][id]")].map((one) => one.id));
    const wasShown = !live.hidden;
    const focused = document.activeElement?.dataset?.switch && [document.activeElement.dataset.switch, document.activeElement.dataset.value];
    const rank = document.activeElement?.dataset?.rank;
    charts.clear();
    document.documentElement.lang = language;
    live.innerHTML = `${top()}${switches()}${answersBlock()}${journeyBlock()}${painsBlock()}${flowsBlock()}${pathsBlock()}${cohortsBlock()}${valueBlock()}${moneyBlock()}${customersBlock()}${treeBlock()}${spreadBlock()}${restatementsBlock()}${qualityBlock()}${glossaryBlock()}
      <footer class="soft"><p>${esc(t("few_note"))}</p><p>${esc(data.release.code)} · Apache ECharts</p></footer>`;
    document.getElementById("still").hidden = true;
    live.hidden = false;
    if (wasShown) for (const one of live.querySelectorAll("details[id]")) one.open = open.has(one.id);
    paint();
    if (focused) [...live.querySelectorAll(`[data-switch="${focused[0]}"]`)].find((one) => one.dataset.value === focused[1] || one.tagName === "SELECT")?.focus();
    if (rank) live.querySelector(`[data-rank="${rank}"]`)?.focus();
    live.dataset.state = JSON.stringify({...state, language});
  }
  function paint() {
    charts.clear();
    const at = (id) => document.getElementById(`chart-${id}`);
    const series = curveSeries();
    if (at("curve") && at("curve").offsetWidth) charts.curve(at("curve"), stages().map((row) => row[1 + place()]), series, pointWords);
    if (at("flows")) charts.sankey(at("flows"), ...flows(), pointWords);
    if (at("moves")) charts.sankey(at("moves"), ...moves(), pointWords);
    if (at("paths")) charts.sunburst(at("paths"), pathTree()[0], pointWords);
    const shown = valueRows().filter(([, cell]) => cell[0] > 0);
    if (at("value")) charts.bars(at("value"), shown.map(([code]) => name("value_stage", code)), [["contracted", "sky", 1], ["billed", "purple", 2], ["paid", "blue", 3]].map(([key, tone, i]) => ({name: t(key), tone, values: shown.map(([, cell]) => cell[i])})), pointWords);
    if (at("bridge")) charts.bridge(at("bridge"), bridgeSteps(), pointWords);
    const owed = owedRows();
    if (at("owed")) charts.lines(at("owed"), owed.map((row) => month(row[1])), [["unpaid", "orange", 2, "rect"], ["pay_later", "blue", 3, "circle"], ["prepaid", "green", 4, "triangle"]].map(([key, tone, i, symbol]) => ({name: t(key), tone, symbol, values: owed.map((row) => row[i])})), pointWords);
  }

  live.addEventListener("change", (event) => {
    const key = event.target.dataset?.switch;
    if (key) { state[key] = event.target.value; show(); }
  });
  live.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.switch) { state[button.dataset.switch] = button.dataset.value; show(); }
    if (button.dataset.rank) { state.rank = button.dataset.rank; show(); }
    if (button.dataset.query) {
      const area = button.nextElementSibling, range = document.createRange();
      range.selectNodeContents(area);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      try { await navigator.clipboard.writeText(data.queries[button.dataset.query]); } catch { document.execCommand("copy"); }
      button.textContent = t("copied");
    }
  });
  for (const input of document.querySelectorAll("input[name=language]")) {
    input.addEventListener("change", () => { language = input.id === "in-ja" ? "ja" : "en"; show(); });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  printed.addEventListener("change", paint);
  let width = innerWidth, timer;
  addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(() => { if (width !== innerWidth) { width = innerWidth; paint(); } }, 120); });
  show();
})();
