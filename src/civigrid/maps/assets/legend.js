/* The legend follows the layers that are shown; its classes are buttons that highlight. */
(function (cg) {
  "use strict";
  var W = 252, H = 46, ROUGH = -100, REASONS = { beyond: 0, confidential: 3, unavailable: 4, suppressed: 7 };

  function rgb(hex) { return [1, 3, 5].map(function (k) { return parseInt(hex.substr(k, 2), 16); }); }
  function told(x) { return typeof x === "number" ? cg.number(x) : x; }

  /* Status of a cell; 0 stands for every way to have no value that is no secret, as minutes beyond the search. */
  function reasonOf(layer, level, i) {
    var v = level.values[layer.name], state = v ? v.state[i] : 0;
    return state > 2 ? state : (v && cg.valueOf(v, i) !== cg.valueOf(v, i) ? 0 : -1);
  }

  /* What is highlighted is remembered with the layer: a legend that is drawn anew shows it still. */
  function press(layer, key) {
    var chosen = layer.chosen === key ? null : key;
    [layer].concat(layer.linked || []).forEach(function (l) {
      l.chosen = chosen;
      if (chosen !== null && chosen < 0) {
        l.highlight = null;
        cg.setMask(l, function (level, i) { return chosen === ROUGH ? l.rough(level, i) : reasonOf(l, level, i) === -chosen - 1; });
      } else {
        l.mask = null;
        l.setHighlight(chosen);
      }
    });
  }

  function row(list, layer, key, label, swatch, numbers, redraw) {
    var item = cg.part("li", "", list), fixed = !layer.setHighlight || key === null;
    var line = fixed ? cg.part("div", "cg-class", item) : cg.button("cg-class", item, null, function () {
      press(layer, key); redraw();
    });
    if (!fixed) {
      line.setAttribute("aria-pressed", String(layer.chosen === key));
      line.classList.toggle("cg-faded", layer.chosen !== undefined && layer.chosen !== null && layer.chosen !== key);
      line.dataset.key = String(key); line.title = cg.word("highlight");
    }
    line.appendChild(swatch);
    cg.part("span", "cg-class-label", line, label);
    numbers.forEach(function (n) { cg.part("span", "cg-count", line, n === null || n === undefined ? "" : told(n)); });
    return line;
  }

  function swatch(name, color) {
    var s = cg.part("span", "cg-swatch " + name);
    if (color) { s.style.backgroundColor = color; }
    s.setAttribute("aria-hidden", "true");
    return s;
  }

  /* A small histogram: bars in the colours of their classes, lines at the breaks. */
  function histogram(box, legend, about) {
    var h = legend.histogram;
    if (!h) { return; }
    var low = h.edges[0], high = h.edges[h.edges.length - 1], holder = cg.part("div", "cg-histogram", box);
    if (about && about.decimals === 0) { low = Math.ceil(low); high = Math.floor(high); }
    var words = cg.word("histogram", { low: cg.valueText(about, low), high: cg.valueText(about, high) });
    var picture = cg.svg("svg", { viewBox: "0 0 " + W + " " + H, role: "img", "aria-label": words }, holder);
    h.height.forEach(function (tall, i) {
      /* heights go by the square root: a rare value is seen beside a common one */
      var size = tall ? Math.max(1.5, (H - 6) * Math.sqrt(tall)) : 0, left = W * h.at[i], wide = W * (h.at[i + 1] - h.at[i]);
      cg.svg("rect", { x: left, y: H - size - 1, width: Math.max(0.5, wide - Math.min(0.8, wide / 5)), height: size,
        fill: (legend.classes[h.class[i]] || { color: "#888888" }).color, stroke: "#4a5057", "stroke-width": wide > 3 ? 0.4 : 0 }, picture);
    });
    cg.svg("line", { x1: 0, x2: W, y1: H - 0.5, y2: H - 0.5, "class": "cg-axis" }, picture);
    h.breaks_at.forEach(function (b) {
      cg.svg("line", { x1: W * b, x2: W * b, y1: 0, y2: H, "class": "cg-break" }, picture);
    });
    var scale = cg.part("div", "cg-histogram-scale", holder);
    cg.part("span", "", scale, cg.valueText(about, low));
    if (h.scale === "log") { cg.part("span", "", scale, cg.word("log")); }
    cg.part("span", "", scale, cg.valueText(about, high));
  }

  /* A square of classes: the first variable to the right, the second upwards. */
  function twoway(box, layer, about, redraw) {
    var t = about.twoway, n = t.right.length;
    cg.part("div", "cg-legend-note", box, "\u2191 " + t.up_title);
    var grid = cg.part("div", "cg-twoway", box);
    grid.style.gridTemplateColumns = "auto repeat(" + n + ", 1fr)";
    function one(k) {
      var c = about.classes[k], cell = cg.button("cg-twoway-cell", grid, told(c.count), function () { press(layer, k); redraw(); });
      cell.style.backgroundColor = c.color; cell.title = c.label; cell.setAttribute("aria-label", c.label + ": " + told(c.count));
      cell.setAttribute("aria-pressed", String(layer.chosen === k));
      cell.style.color = rgb(c.color)[1] > 130 ? "#1b1f24" : "#ffffff";
    }
    for (var r = t.up.length - 1; r >= 0; r--) {
      cg.part("span", "cg-twoway-name", grid, t.up[r]);
      for (var c = 0; c < n; c++) { one(r * n + c); }
    }
    cg.part("span", "", grid);
    t.right.forEach(function (text) { cg.part("span", "cg-twoway-name", grid, text); });
    cg.part("div", "cg-legend-note", box, t.right_title + " \u2192");
  }

  function heads(about) {
    if (about.columns) { return about.columns; }
    var people = about.classes.some(function (c) { return c.persons !== undefined && c.persons !== null; });
    if (!about.classes.some(function (c) { return c.cells !== undefined; })) { return []; }
    return people ? [cg.word("cells"), cg.word("people")] : [cg.word("cells")];
  }

  function numbers(c, about, wide) {
    if (c.numbers) { return c.numbers; }
    if (c.cells === undefined) { return c.count === undefined ? [] : [c.count]; }
    return wide > 1 ? [c.cells, c.persons] : [c.cells];
  }

  function block(parent, layer, redraw) {
    var about = layer.options.legend, box = cg.part("section", "cg-legend-layer", parent), columns = heads(about);
    var meaning = layer.data ? layer.data.about[layer.name] : null;
    cg.part("h2", "cg-legend-title", box, about.title);
    var unit = about.units !== undefined ? unitOf(about.units) : about.unit;
    if (unit) { cg.part("div", "cg-legend-note", box, unit); }
    histogram(box, about, meaning);
    if (about.twoway) { twoway(box, layer, about, redraw); }
    if (columns.length) {
      var top = cg.part("div", "cg-class cg-class-heads", box);
      cg.part("span", "cg-class-label", top);
      columns.forEach(function (text) { cg.part("span", "cg-count", top, text); });
    }
    var list = cg.part("ul", "cg-classes", box);
    (about.twoway ? [] : about.classes).forEach(function (c, k) {
      row(list, layer, k, c.label, swatch(layer.isSites ? "cg-dot" : "", c.color), numbers(c, about, columns.length), redraw);
    });
    (about.missing_rows || []).forEach(function (m) {
      var status = REASONS[m.reason], key = status === undefined ? null : -status - 1;
      row(list, layer, key, status === undefined ? m.label : (status ? cg.word("status_" + status) : cg.word("beyond")),
        swatch("cg-hatch cg-hatch-" + m.reason), m.numbers || [m.cells].concat(columns.length > 1 ? [null] : []), redraw);
    });
    (about.uncertain_by || []).forEach(function (m) {
      row(list, layer, -m.status - 1, cg.word("uncertain") + ": " + cg.word("status_" + m.status),
        swatch("cg-lines"), m.numbers || [m.cells].concat(columns.length > 1 ? [null] : []), redraw);
    });
    if (about.rough) {
      row(list, layer, ROUGH, cg.word("uncertain") + ": " + cg.word("rough"), swatch("cg-lines"),
        about.rough.length ? about.rough : [about.rough].concat(columns.length > 1 ? [null] : []), redraw);
    }
    if (about.missing && !about.missing_rows) { row(list, layer, null, about.missing.label, swatch("cg-hatch"), [about.missing.count], redraw); }
    (about.notes || []).forEach(function (text) { cg.part("p", "cg-legend-note", box, text); });
    if (about.empty) { cg.part("div", "cg-legend-note", box, about.empty); }
    var source = [about.source, about.date].filter(Boolean).join(", ");
    if (source) { cg.part("div", "cg-legend-note", box, cg.word("source", { source: source })); } else if (about.note) { cg.part("div", "cg-legend-note", box, about.note); }
  }

  function unitOf(units) {
    var key = "legend_unit_" + units, text = cg.word(key);
    return units === "1" || units === "class" ? "" : (text === key ? units : text);
  }

  cg.legend = function (map, options) {
    if (map.civigridLegend) { return map.civigridLegend; }
    var place = options && options.position || "bottomright";
    var panel = cg.panel(map, place, "cg-legend", cg.word("legend")), waits = false;
    function draw() {
      var focus = document.activeElement && panel.body.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
      panel.body.textContent = "";
      map.eachLayer(function (layer) {
        if ((!layer.isCell && !layer.isSites) || layer.unlisted || !layer.options.legend) { return; }
        block(panel.body, layer, draw);
      });
      panel.box.style.display = panel.body.firstChild ? "" : "none";
      if (focus !== undefined) {
        var again = panel.body.querySelector('[data-key="' + Number(focus) + '"]');
        if (again) { again.focus(); }
      }
    }
    function soon() {
      if (waits) { return; }
      waits = true;
      Promise.resolve().then(function () { waits = false; draw(); });
    }
    function change(event) {
      if (event.layer.isCell && !event.layer.heard) { event.layer.heard = true; event.layer.on("variable", fresh); }
      soon();
    }
    function fresh(event) { event.target.chosen = null; event.target.mask = null; event.target.highlight = null; soon(); }
    map.eachLayer(function (layer) { change({ layer: layer }); });
    map.on("layeradd", change).on("layerremove", soon);
    draw();
    map.civigridLegend = { draw: draw, panel: panel };
    return map.civigridLegend;
  };
}(window.civigrid = window.civigrid || {}));
