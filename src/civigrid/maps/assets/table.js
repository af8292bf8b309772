/* The map as a table: sorted by any column, as many rows as are asked for, and all of them as a file. */
(function (cg) {
  "use strict";
  var ROWS = 50;

  /* The first `n` cells by a value, highest or lowest first; what is not known comes last, equals in their order. */
  cg.rank = function (v, count, n, sign) {
    var key = new Float64Array(count), order = [], i;
    for (i = 0; i < count; i++) { var x = cg.valueOf(v, i); key[i] = x === x ? -sign * x : Infinity; }
    if (count > 20 * n) {
      /* only what reaches the n-th key takes part in the sort */
      var cut = Float64Array.from(key).sort()[n - 1];
      for (i = 0; i < count; i++) { if (key[i] < cut) { order.push(i); } }
      for (i = 0; i < count && order.length < n; i++) { if (key[i] === cut) { order.push(i); } }
    } else {
      for (i = 0; i < count; i++) { order.push(i); }
    }
    order.sort(function (a, b) { return key[a] < key[b] ? -1 : (key[a] > key[b] ? 1 : a - b); });
    return order.slice(0, n);
  };

  /* A field by RFC 4180; words that a spreadsheet would run as a formula get an apostrophe before them. */
  function field(text) {
    var safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return /[",\r\n]/.test(safe) ? "\"" + safe.replace(/"/g, "\"\"") + "\"" : safe;
  }

  /* All cells and every told variable, numbers as they are (a point, no grouping), status in words. */
  cg.csv = function (data) {
    var level = data.levels[0], n = level.n, names = data.order, parts = ["\ufeff"], lines = [];
    var head = ["cell", "longitude", "latitude"];
    names.forEach(function (name) { head.push(field(name), field(name + "_status")); });
    lines.push(head.join(","));
    for (var i = 0; i < n; i++) {
      var place = level.cells.place(i), row = [field(level.cells.code(i)), place[0].toFixed(6), place[1].toFixed(6)];
      names.forEach(function (name) {
        var v = level.values[name], x = cg.valueOf(v, i), about = data.about[name], status = v.state[i];
        row.push(x !== x ? "" : (about.words ? field(String(about.words[x])) : String(x)));
        row.push(field(x !== x ? cg.absence(about, status) : (status > 1 ? cg.word("status_" + status) : "")));
      });
      lines.push(row.join(","));
      if (lines.length === 5000) { parts.push(lines.join("\r\n") + "\r\n"); lines = []; }
    }
    parts.push(lines.join("\r\n") + "\r\n");
    return new Blob(parts, { type: "text/csv;charset=utf-8" });
  };

  function Table(map, title) {
    var self = this;
    this.map = map; this.title = title; this.rows = ROWS;
    this.box = cg.part("dialog", "cg-table", document.body);
    this.box.setAttribute("aria-labelledby", "cg-table-title");
    this.box.addEventListener("close", function () { if (self.back && self.back.isConnected) { self.back.focus(); } });
    this.box.addEventListener("click", function (event) { if (event.target === self.box) { self.box.close(); } });
  }

  Table.prototype.open = function (back) {
    var layer = cg.active(this.map), self = this;
    if (!layer) { return Promise.resolve(); }
    return cg.whole(layer, layer.data.levels[0]).then(function () {
      var told = cg.told(layer), shown = cg.shownBy(layer);
      self.back = back; self.layer = layer; self.rows = ROWS; self.sign = 1;
      self.names = shown.concat(told.values.concat(told.why).filter(function (n) { return shown.indexOf(n) < 0; }));
      self.by = shown[0];
      self.frame();
      self.fill();
      if (!self.box.open) { self.box.showModal(); }
    });
  };

  Table.prototype.frame = function () {
    var self = this, box = this.box;
    box.textContent = "";
    var head = cg.part("div", "cg-card-head", box), title = cg.part("h2", "", head, cg.word("table_of", { title: this.title }));
    title.id = "cg-table-title";
    cg.press(head, "\u00d7", function () { box.close(); }, "cg-close").setAttribute("aria-label", cg.word("close"));
    this.said = cg.part("p", "cg-note", box, "");
    this.said.setAttribute("role", "status");
    var scroll = cg.part("div", "cg-scroll", box);
    scroll.tabIndex = 0; scroll.setAttribute("role", "region"); scroll.setAttribute("aria-labelledby", "cg-table-title");
    this.table = cg.part("table", "", scroll);
    this.table.setAttribute("aria-labelledby", "cg-table-title");
    var row = cg.part("tr", "", cg.part("thead", "", this.table));
    cg.part("th", "", row, cg.word("code")).scope = "col";
    this.heads = this.names.map(function (name) {
      var cell = cg.part("th", "", row);
      cell.scope = "col";
      var sort = cg.press(cell, "", function () { self.sort(name); }, "cg-sort");
      cg.part("span", "", sort, self.layer.data.about[name].long_name);
      cg.part("span", "cg-arrow", sort).setAttribute("aria-hidden", "true");
      return cell;
    });
    this.body = cg.part("tbody", "", this.table);
    var foot = cg.part("div", "cg-buttons", box);
    this.more = cg.press(foot, "", function () { self.rows += ROWS; self.fill(); });
    cg.press(foot, cg.word("download"), function () { self.download(); });
    cg.part("p", "cg-note", box, cg.word("csv_note"));
  };

  Table.prototype.sort = function (name) {
    this.sign = this.by === name ? -this.sign : 1;
    this.by = name; this.rows = ROWS;
    this.fill();
  };

  Table.prototype.fill = function () {
    var self = this, data = this.layer.data, level = data.levels[0], all = level.n;
    var order = cg.rank(level.values[this.by], all, Math.min(this.rows, all), this.sign);
    this.body.textContent = "";
    order.forEach(function (i) { self.row(level, i); });
    this.heads.forEach(function (cell, k) {
      var on = self.names[k] === self.by;
      if (on) { cell.setAttribute("aria-sort", self.sign > 0 ? "descending" : "ascending"); } else { cell.removeAttribute("aria-sort"); }
      cell.querySelector(".cg-arrow").textContent = on ? (self.sign > 0 ? "\u25bc" : "\u25b2") : "\u2195";
    });
    this.said.textContent = cg.word("rows", { n: cg.number(order.length, 0), all: cg.number(all, 0),
      name: data.about[this.by].long_name, order: cg.word(this.sign > 0 ? "falling" : "rising") });
    this.more.hidden = order.length >= all;
    this.more.textContent = cg.word("more_rows", { n: cg.number(Math.min(ROWS, all - order.length), 0) });
  };

  Table.prototype.row = function (level, i) {
    var self = this, data = this.layer.data, line = cg.part("tr", "", this.body), values = {}, code = level.cells.code(i);
    Object.keys(level.values).forEach(function (name) { values[name] = cg.valueOf(level.values[name], i); });
    var head = cg.part("th", "", line);
    head.scope = "row";
    var go = cg.press(head, code, function () { self.show(level, i); }, "cg-link");
    go.setAttribute("aria-label", cg.word("show_cell", { code: code }));
    this.names.forEach(function (name) {
      var about = data.about[name], cell = cg.part("td", about.words ? "" : "cg-number", line);
      cg.part("span", "", cell, cg.written(about, values[name], level.values[name].state[i]));
      var between = cg.interval(data, name, values);
      if (between) { cg.part("span", "cg-note", cell, between); }
    });
  };

  /* Go to the cell, close enough that single cells are drawn, and open its card. */
  Table.prototype.show = function (level, i) {
    var p = level.cells.place(i), at = L.latLng(p[1], p[0]), zoom = this.map.getZoom(), layer = this.layer;
    while (layer.level(zoom) !== level && zoom < 18) { zoom++; }
    var back = this.back;
    this.back = null;
    this.box.close();
    this.map.setView(at, Math.max(zoom, this.map.getZoom()), { animate: false });
    this.card.open(layer, layer.told(level, i), back);
  };

  Table.prototype.download = function () {
    var link = document.createElement("a"), address = URL.createObjectURL(cg.csv(this.layer.data));
    link.href = address; link.download = cg.fileName(this.title) + ".csv";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(address); }, 60000);
  };

  /* Letters and digits of any script; everything else becomes one line. */
  cg.fileName = function (title) {
    return title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "cells";
  };
  cg.dataTable = function (map, title) { return new Table(map, title); };
}(window.civigrid = window.civigrid || {}));
