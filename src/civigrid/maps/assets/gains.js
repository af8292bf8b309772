/* Who gains and who loses, by group: a table whose numbers show where on the map. */
(function (cg) {
  "use strict";
  var CODES = { lose: 0, stay: 1, gain: 2 };

  function signed(x, table) {
    return (x < 0 ? "\u2212" : (x > 0 ? "+" : "")) + cg.valueText(table, Math.abs(x));
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
    var box = cg.part("div", "cg-gains", parent), pressed = null, all = [];
    var grid = cg.part("table", "", box), head = cg.part("tr", "", cg.part("thead", "", grid)), body = cg.part("tbody", "", grid);
    cg.part("caption", "", grid, cg.word(table.title));
    var columns = ["gain", "stay", "lose"].concat(table.groups.some(function (g) { return g.unknown > 0; }) ? ["unknown"] : []);
    var words = { gain: table.words[0], stay: "stay", lose: table.words[1], unknown: "unknown" };
    cg.part("th", "", head, cg.word("group")).scope = "col";
    columns.forEach(function (c) { cg.part("th", "cg-is-" + c, head, cg.word(words[c])).scope = "col"; });
    cg.part("th", "", head, cg.word("mean")).scope = "col";
    var reset = null;
    function press(b, group, what) {
      pressed = pressed === b ? null : b;
      all.forEach(function (o) { o.setAttribute("aria-pressed", String(o === pressed)); });
      layers.forEach(function (l) { l.chosen = null; l.highlight = null; cg.setMask(l, pressed ? test(l, table, group, what) : null); });
      reset.hidden = !pressed;
    }
    function number(cell, text, group, what, says) {
      var b = cg.button("cg-pick", cell, text, function () { press(b, group, what); });
      b.setAttribute("aria-pressed", "false"); b.setAttribute("aria-label", says);
      all.push(b);
    }
    table.groups.forEach(function (g) {
      var row = cg.part("tr", "", body), name = cg.part("th", "", row), sum = g.gain + g.stay + g.lose + g.unknown;
      name.scope = "row";
      number(name, g.name, g, "changed", cg.word("all_of", { group: g.name }));
      columns.forEach(function (c) {
        number(cg.part("td", "", row), cg.number(g[c]), g, c, cg.word("persons_who", { group: g.name, n: cg.number(g[c]), what: cg.word(words[c]) }));
      });
      cg.part("td", "cg-mean", row, g.mean === null ? "" : signed(g.mean, table));
      var bar = cg.part("td", "", cg.part("tr", "cg-split-row", body)), line = cg.part("div", "cg-split", bar);
      bar.colSpan = columns.length + 2; bar.setAttribute("aria-hidden", "true"); bar.parentNode.setAttribute("aria-hidden", "true");
      columns.forEach(function (c) {
        var part = cg.part("span", "cg-is-" + c, line);
        part.style.width = (sum ? 100 * g[c] / sum : 0) + "%";
        if (table.colors[c]) { part.style.backgroundColor = table.colors[c]; }
      });
    });
    reset = cg.button("cg-plain", box, cg.word("show_all"), function () { if (pressed) { pressed.focus(); pressed.click(); } });
    reset.hidden = true;
    var notes = [cg.word("press"), cg.word("persons_of", { label: table.label })];
    if (table.better !== "neither") { notes.push(cg.word(table.better + "_is_gain")); }
    if (table.least) { notes.push(cg.word("least", { least: cg.valueText(table, table.least) })); }
    cg.part("p", "cg-legend-note", box, notes.join(" "));
    return box;
  };
}(window.civigrid = window.civigrid || {}));
