// The pictures of the report, drawn by Apache ECharts. What reaches a tooltip is escaped here.
"use strict";
const charts = (() => {
  const drawn = [];
  const esc = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const font = () => getComputedStyle(document.body).fontFamily;

  function base() {
    return {
      animation: false,
      textStyle: {fontFamily: font(), color: colour("text"), fontSize: 13},
      tooltip: {
        confine: true, backgroundColor: colour("box"), borderColor: colour("rule"),
        textStyle: {color: colour("text"), fontSize: 13, fontFamily: font()},
      },
    };
  }

  function clear() {
    while (drawn.length) drawn.pop().dispose();
  }

  function draw(element, option) {
    const chart = echarts.init(element, null, {renderer: "svg"});
    chart.setOption({...base(), ...option, tooltip: {...base().tooltip, ...option.tooltip}});
    drawn.push(chart);
  }

  const axis = () => ({
    axisLine: {lineStyle: {color: colour("rule")}}, axisTick: {show: false},
    axisLabel: {color: colour("soft"), fontSize: 12, fontFamily: font(), hideOverlap: true},
    splitLine: {lineStyle: {color: colour("rule"), opacity: 0.6}},
  });

  const tip = (title, lines) =>
    `<b>${esc(title)}</b>${lines.map((line) => `<br>${esc(line)}`).join("")}`;

  // Lines over stages, each point with its 95 % interval. series: [{name, tone, dashed, points: [[y, half, n] | null]}]
  function curve(element, stages, series, words) {
    const lows = series.flatMap((one) => one.points.filter(Boolean).map((p) => p[0] - p[1]));
    const bottom = Math.max(0, Math.min(60, Math.floor(Math.min(...lows) / 20) * 20));
    const single = series.length === 1;
    draw(element, {
      grid: {left: 0, right: 0, top: 26, bottom: 8},
      xAxis: {type: "category", data: stages, ...axis(), axisLabel: {show: false}, axisLine: {show: false}},
      yAxis: {type: "value", min: bottom, max: 100, interval: bottom < 40 ? 50 : 20, ...axis(),
        axisLabel: {...axis().axisLabel, inside: true, verticalAlign: "bottom", margin: 2}},
      series: series.flatMap((one, index) => {
        const shift = (index - (series.length - 1) / 2) * 10;
        return [
          {
            type: "custom", silent: true, z: 1,
            data: one.points.map((p, i) => (p ? [i, p[0] - p[1], p[0] + p[1]] : [i, NaN, NaN])),
            renderItem: (_, api) => {
              const low = api.coord([api.value(0), Math.max(api.value(1), 0)]);
              const high = api.coord([api.value(0), Math.min(api.value(2), 100)]);
              if (Number.isNaN(low[1])) return null;
              return {type: "line", shape: {x1: low[0] + shift, y1: low[1], x2: high[0] + shift, y2: high[1]},
                style: {stroke: colour(one.tone), lineWidth: 3, opacity: 0.4}};
            },
          },
          {
            type: "line", name: one.name, z: 2, connectNulls: true, symbol: one.symbol || "circle",
            symbolSize: 11, symbolOffset: [shift, 0],
            lineStyle: {color: colour(one.tone), width: 2.5, type: one.dashed ? "dashed" : "solid"},
            itemStyle: {color: colour(one.tone)},
            data: one.points.map((p) => (p ? p[0] : null)),
            label: {show: single, position: "top", distance: 10, color: colour("text"), fontSize: 13,
              fontWeight: 600, fontFamily: font(), formatter: (p) => Math.round(p.value)},
          },
        ];
      }),
      tooltip: {
        trigger: "axis",
        formatter: (items) => tip(stages[items[0].dataIndex], series
          .filter((one) => one.points[items[0].dataIndex])
          .map((one) => words.point(one.name, one.points[items[0].dataIndex]))),
      },
    });
  }

  function sankey(element, nodes, links, words) {
    draw(element, {
      tooltip: {trigger: "item", formatter: (p) => (p.dataType === "edge"
        ? tip(`${p.data.from} → ${p.data.into}`, [p.data.words])
        : tip(p.data.shown, [words.people(p.data.count)]))},
      series: [{
        type: "sankey", left: 4, right: 140, top: 8, bottom: 8, nodeGap: 20, nodeWidth: 14,
        nodeAlign: "left", layoutIterations: 24, draggable: false,
        data: nodes.map((node) => ({...node, itemStyle: {color: colour(node.tone), borderWidth: 0}})),
        links: links.map((link) => ({...link, lineStyle: {color: colour(link.tone), opacity: 0.38}})),
        emphasis: {focus: "adjacency"},
        label: {color: colour("text"), fontSize: 12, fontFamily: font(), lineHeight: 15,
          formatter: (p) => `${p.data.shown} ${words.number(p.data.count)}`},
      }],
    });
  }

  function sunburst(element, tree, words) {
    const tones = ["blue", "orange", "green", "purple", "sky", "soft"];
    const paint = (node, tone, depth) => ({...node, itemStyle: {color: colour(tone), opacity: [1, 0.72, 0.5][depth]},
      children: node.children.map((child) => paint(child, tone, depth + 1))});
    draw(element, {
      tooltip: {formatter: (p) => (p.treePathInfo.length > 1
        ? tip(p.treePathInfo.slice(1).map((step) => step.name).join(" → "), [words.journeys(p.value)])
        : "")},
      series: [{
        type: "sunburst", radius: ["14%", "96%"], nodeClick: false, sort: undefined,
        data: tree.map((node, i) => paint(node, tones[Math.min(i, 5)], 0)),
        itemStyle: {borderColor: colour("page"), borderWidth: 2},
        label: {minAngle: element.clientHeight < 300 ? 40 : 20, fontSize: 11, rotate: "tangential", fontFamily: font(), color: "#fff", textBorderColor: "rgba(0,0,0,.55)",
          textBorderWidth: 2, width: 78, overflow: "truncate"},
      }],
    });
  }

  function bars(element, names, series, words) {
    draw(element, {
      grid: {left: 4, right: 4, top: 10, bottom: 4, outerBoundsMode: "same"},
      xAxis: {type: "category", data: names, ...axis()},
      yAxis: {type: "value", ...axis(), axisLabel: {...axis().axisLabel, formatter: words.money}},
      tooltip: {trigger: "axis", axisPointer: {type: "shadow"},
        formatter: (items) => tip(items[0].name, items.map((p) => `${p.seriesName} ${words.money(p.value)}`))},
      series: series.map((one) => ({type: "bar", name: one.name, data: one.values, barMaxWidth: 26, barGap: "10%",
        itemStyle: {color: colour(one.tone), borderRadius: [3, 3, 0, 0]}})),
    });
  }

  function bridge(element, steps, words) {
    let level = 0;
    const data = steps.map(([name, value, whole]) => {
      const low = whole ? 0 : Math.min(level, level + value);
      level = whole ? value : level + value;
      return {name, value, low, height: Math.abs(value), whole};
    });
    draw(element, {
      grid: {left: 4, right: 4, top: 26, bottom: 4, outerBoundsMode: "same"},
      xAxis: {type: "category", data: data.map((d) => d.name), ...axis(), axisLabel: {...axis().axisLabel, interval: 0}},
      yAxis: {type: "value", ...axis(), axisLabel: {...axis().axisLabel, formatter: words.money}},
      tooltip: {trigger: "item", formatter: (p) => tip(p.name, [words.money(data[p.dataIndex].value)])},
      series: [
        {type: "bar", stack: "all", silent: true, itemStyle: {color: "transparent"}, data: data.map((d) => d.low)},
        {type: "bar", stack: "all", barMaxWidth: 54,
          data: data.map((d) => ({value: d.height, itemStyle: {borderRadius: 3,
            color: colour(d.whole ? "blue" : d.value < 0 ? "orange" : "green")}})),
          label: {show: true, position: "top", color: colour("text"), fontSize: 12, fontFamily: font(),
            formatter: (p) => (data[p.dataIndex].whole ? "" : data[p.dataIndex].value > 0 ? "+" : "") + words.money(data[p.dataIndex].value)}},
      ],
    });
  }

  function lines(element, months, series, words) {
    draw(element, {
      grid: {left: 4, right: 12, top: 10, bottom: 4, outerBoundsMode: "same"},
      xAxis: {type: "category", data: months, boundaryGap: false, ...axis()},
      yAxis: {type: "value", ...axis(), axisLabel: {...axis().axisLabel, formatter: words.money}},
      tooltip: {trigger: "axis",
        formatter: (items) => tip(items[0].name, items.map((p) => `${p.seriesName} ${words.money(p.value)}`))},
      series: series.map((one) => ({type: "line", name: one.name, data: one.values, symbolSize: 6, symbol: one.symbol,
        lineStyle: {color: colour(one.tone), width: 2}, itemStyle: {color: colour(one.tone)}})),
    });
  }

  return {esc, clear, curve, sankey, sunburst, bars, bridge, lines, resize: () => drawn.forEach((chart) => chart.resize())};
})();
