/* Who gains and who loses, by group: a table whose numbers show where on the map. */
(function (cg) {
  "use strict";
  var CODES = { lose: 0, stay: 1, gain: 2 };

  function signed(x, table) {
    var text = table.percent ? cg.figure(100 * Math.abs(x), 2) + "\u00a0%" : cg.short(Math.abs(x)) + (table.units === "min" ? "\u00a0min" : "");
    return (x < 0 ? "\u2212" : (x > 0 ? "+" : "")) + text;
  }

  /* Whether a cell has such an outcome and people of the group. */
  function test(layer, table, group, what) {
    return function (level, i) {
      var o = level.values[table.outcome], n = level.values[group.variable];
      if (!o || !o.code || (n && n.code && !(cg.valueOf(n, i) > 0))) { return false; }
      var code = cg.valueOf(o, i);
      if (what === "unknown") { return code !== code; }
      return what === "changed" ? code === CODES.gain || code === CODES.lose : code === CODES[what];
    };
  }

  cg.gains = function (parent, layers, table) {
    var box = cg.el("div", "cg-gains", parent), pressed = null, all = [];
    var grid = cg.el("table", "", box), head = cg.el("tr", "", cg.el("thead", "", grid)), body = cg.el("tbody", "", grid);
    cg.el("caption", "", grid, cg.tool(table.title));
    var columns = ["gain", "stay", "lose"].concat(table.groups.some(function (g) { return g.unknown > 0; }) ? ["unknown"] : []);
    var words = { gain: table.words[0], stay: "stay", lose: table.words[1], unknown: "unknown" };
    cg.el("th", "", head, cg.tool("group")).scope = "col";
    columns.forEach(function (c) { cg.el("th", "cg-is-" + c, head, cg.tool(words[c])).scope = "col"; });
    cg.el("th", "", head, cg.tool("mean")).scope = "col";
    var reset = null;
    function press(b, group, what) {
      pressed = pressed === b ? null : b;
      all.forEach(function (o) { o.setAttribute("aria-pressed", String(o === pressed)); });
      layers.forEach(function (l) { l.chosen = null; l.highlight = null; cg.setMask(l, pressed ? test(l, table, group, what) : null); });
      reset.hidden = !pressed;
    }
    function number(cell, text, group, what, says) {
      var b = cg.button("cg-number", cell, text, function () { press(b, group, what); });
      b.setAttribute("aria-pressed", "false"); b.setAttribute("aria-label", says);
      all.push(b);
    }
    table.groups.forEach(function (g) {
      var row = cg.el("tr", "", body), name = cg.el("th", "", row), sum = g.gain + g.stay + g.lose + g.unknown;
      name.scope = "row";
      number(name, g.name, g, "changed", cg.tool("all_of", { group: g.name }));
      columns.forEach(function (c) {
        number(cg.el("td", "", row), cg.figure(g[c]), g, c, cg.tool("persons_who", { group: g.name, n: cg.figure(g[c]), what: cg.tool(words[c]) }));
      });
      cg.el("td", "cg-mean", row, g.mean === null ? "" : signed(g.mean, table));
      var bar = cg.el("td", "", cg.el("tr", "cg-bar-row", body)), line = cg.el("div", "cg-bar", bar);
      bar.colSpan = columns.length + 2; bar.setAttribute("aria-hidden", "true"); bar.parentNode.setAttribute("aria-hidden", "true");
      columns.forEach(function (c) {
        var part = cg.el("span", "cg-is-" + c, line);
        part.style.width = (sum ? 100 * g[c] / sum : 0) + "%";
        if (table.colors[c]) { part.style.backgroundColor = table.colors[c]; }
      });
    });
    reset = cg.button("cg-plain", box, cg.tool("show_all"), function () { if (pressed) { pressed.focus(); pressed.click(); } });
    reset.hidden = true;
    var notes = [cg.tool("press"), cg.tool("persons_of", { label: table.label })];
    if (table.better !== "neither") { notes.push(cg.tool(table.better + "_is_gain")); }
    if (table.least) { notes.push(cg.tool("least", { least: table.percent ? cg.figure(100 * table.least, 2) + "\u00a0%" : cg.short(table.least) + (table.units === "min" ? "\u00a0min" : "") })); }
    cg.el("p", "cg-legend-note", box, notes.join(" "));
    return box;
  };
}(window.civigrid = window.civigrid || {}));
