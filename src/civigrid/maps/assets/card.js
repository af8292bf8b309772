/* What a cell tells: short beside the pointer, in full in a card. */
(function (cg) {
  "use strict";

  function el(tag, className, parent, text) {
    var made = document.createElement(tag);
    if (className) { made.className = className; }
    if (text !== undefined) { made.textContent = text; made.dir = "auto"; }
    if (parent) { parent.appendChild(made); }
    return made;
  }
  function button(parent, text, act, className) {
    var made = el("button", className || "cg-button", parent);
    made.type = "button"; made.textContent = text;
    made.addEventListener("click", act);
    return made;
  }
  cg.part = el;
  cg.press = button;

  /* The layer of cells that is shown; of two, the one that says it covers the point. */
  cg.top = function (map, point) {
    var found = null;
    map.eachLayer(function (l) { if (l.isCell && (!point || !l.covers || l.covers(point))) { found = l; } });
    return found;
  };
  cg.active = function (map, point) {
    var found = cg.top(map, point);
    return found && found.loaded ? found : null;
  };

  /* Indicators have layers; other told variables answer why. */
  var indicators = {};
  ["cellLayer", "twoWayLayer"].forEach(function (kind) {
    var make = cg[kind];
    if (!make) { return; }
    cg[kind] = function (id, options) {
      (indicators[id] = indicators[id] || []).push(options.variable);
      (options.parts || []).forEach(function (part) { indicators[id].push(part.variable); });
      var layer = make(id, options);
      layer.store = id;
      return layer;
    };
  });

  /* Variables a cell tells, as {values, why}: bounds of intervals stand beside their value and not for themselves. */
  cg.told = function (layer) {
    var data = layer.data, bounds = [], own = indicators[layer.store] || [], out = { values: [], why: [] };
    data.order.forEach(function (name) { bounds = bounds.concat(data.about[name].interval || []); });
    data.order.forEach(function (name) {
      if (bounds.indexOf(name) >= 0) { return; }
      out[own.indexOf(name) >= 0 || !data.about[name].words ? "values" : "why"].push(name);
    });
    return out;
  };

  /* Everything a cell can tell is decoded: values, and ids of hexagons. */
  cg.whole = function (layer, level) {
    return Promise.all([layer.data.ready, level.codes ? cg.codes(level) : level.codesReady]);
  };
  /* Variables that a layer shows: one, or the two of a two-way layer. */
  cg.shownBy = function (layer) {
    return layer.parts ? layer.parts.map(function (p) { return p.name; }) : [layer.name];
  };

  cg.sideOf = function (found) {
    if (found.level.resolution !== undefined) { return cg.word("side_h3", { n: found.level.resolution }); }
    return found.size >= 1000 ? cg.word("side_km", { n: cg.number(found.size / 1000, 1) }) :
      cg.word("side_m", { n: cg.number(found.size, 0) });
  };

  function line(parent, left, right, strong) {
    var row = el("div", strong ? "cg-row cg-strong" : "cg-row", parent);
    el("span", "", row, left); el("span", "", row, right);
  }

  function valueIn(layer, found, name) {
    var data = layer.data, between = cg.interval(data, name, found.values);
    return cg.written(data.about[name], found.values[name], found.status[name]) + (between ? " (" + between + ")" : "");
  }

  /* Beside the pointer: the cell, what the map shows of it, and why.  Escape puts it away until the pointer comes anew;
     once the pointer has rested it may move onto the words (WCAG 2.2, 1.4.13). */
  function tooltip(map) {
    var box = el("div", "cg-tip", map.getContainer()), put = false, over = false, rest = null, timer = 0, until = 0;
    box.setAttribute("role", "tooltip"); box.hidden = true;
    function hide() { box.hidden = true; rest = null; clearTimeout(timer); }
    function towards(p) {
      var x = box.offsetLeft, y = box.offsetTop, m = 24;
      return p.x > Math.min(x, rest.x) - m && p.x < Math.max(x + box.offsetWidth, rest.x) + m &&
        p.y > Math.min(y, rest.y) - m && p.y < Math.max(y + box.offsetHeight, rest.y) + m;
    }
    function waits(p) {
      if (!rest || box.hidden) { return false; }
      if (!until) { until = Date.now() + 400; }
      return Date.now() < until && towards(p);
    }
    function fill(layer, found) {
      var why = cg.told(layer).why.slice(0, 2), shown = cg.shownBy(layer);
      box.textContent = "";
      cg.whole(layer, found.level);
      line(box, found.code, cg.sideOf(found));
      shown.concat(why.filter(function (n) { return shown.indexOf(n) < 0; })).forEach(function (name) {
        if (found.values[name] === undefined) { return; }
        line(box, layer.data.about[name].long_name, valueIn(layer, found, name), shown.indexOf(name) >= 0);
      });
    }
    function show(event) {
      var p = event.containerPoint, layer = cg.active(map, p);
      if (put || over || waits(p)) { return; }
      hide(); box.style.pointerEvents = "none";
      var found = layer && layer.cellAt(event.latlng, map.getZoom());
      if (!found) { return; }
      fill(layer, found);
      box.hidden = false;
      var size = map.getSize();
      box.style.left = Math.max(4, p.x + 14 + box.offsetWidth > size.x ? p.x - box.offsetWidth - 14 : p.x + 14) + "px";
      box.style.top = Math.max(4, Math.min(p.y + 14, size.y - box.offsetHeight - 4)) + "px";
      timer = setTimeout(function () { rest = p; until = 0; box.style.pointerEvents = "auto"; }, 600);
    }
    map.on("mousemove", show);
    map.on("mouseout", function () { if (!over) { hide(); put = false; } });
    map.on("click movestart zoomstart", function () { over = false; hide(); });
    box.addEventListener("mouseenter", function () { over = true; });
    box.addEventListener("mouseleave", function () { over = false; hide(); });
    L.DomEvent.on(box, "mousemove", L.DomEvent.stopPropagation);
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && !box.hidden) { put = true; over = false; hide(); }
    });
  }

  /* Name, value, interval, and where it comes from. */
  function item(list, layer, found, name) {
    var about = layer.data.about[name], shown = cg.shownBy(layer).indexOf(name) >= 0;
    var row = el("div", shown ? "cg-item cg-strong" : "cg-item", list);
    el("dt", "", row, about.long_name);
    el("dd", "cg-value", row, cg.written(about, found.values[name], found.status[name]));
    var between = cg.interval(layer.data, name, found.values);
    if (between) { el("dd", "cg-note", row, between); }
    var from = [about.computed ? cg.word("computed") : about.source, about.date].filter(Boolean).join(", ");
    if (from) { el("dd", "cg-note", row, from); }
  }

  function group(box, title, layer, found, names) {
    if (!names.length) { return; }
    el("h3", "", box, title);
    var list = el("dl", "", box);
    names.forEach(function (name) { item(list, layer, found, name); });
  }

  /* Put text where the user can paste it; pages of an intranet without TLS have the old way only. */
  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) { return navigator.clipboard.writeText(text); }
    var area = el("textarea", "cg-hidden", document.body);
    area.value = text; area.select();
    var done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("copy"));
  }
  cg.copyCode = function (code, tell) {
    copy(code).then(function () { tell(cg.word("copied", { code: code })); },
      function () { tell(cg.word("not_copied", { code: code })); });
  };

  function foot(box, found, about) {
    el("h3", "", box, cg.word("sources"));
    (about.sources || []).forEach(function (text) { el("p", "cg-note", box, text); });
    if (about.profile) { el("p", "cg-note", box, cg.word("disclosure", { profile: about.profile })); }
    var said = el("p", "cg-note");
    said.setAttribute("role", "status");
    button(box, cg.word("copy"), function () { cg.copyCode(found.code, function (text) { said.textContent = text; }); });
    box.appendChild(said);
  }

  /* One card a map: `open(layer, found, back)` fills it; `back` gets the focus when it closes. */
  function Card(map, about) {
    var self = this;
    this.map = map; this.about = about; this.back = null; this.layer = null;
    this.box = el("section", "cg-card", map.getContainer());
    this.box.setAttribute("role", "dialog"); this.box.setAttribute("aria-labelledby", "cg-card-title");
    this.box.tabIndex = -1; this.box.hidden = true;
    L.DomEvent.disableClickPropagation(this.box); L.DomEvent.disableScrollPropagation(this.box);
    L.DomEvent.on(this.box, "mousemove", L.DomEvent.stopPropagation);
    this.box.addEventListener("keydown", function (event) {
      event.stopPropagation();
      if (event.key === "Escape") { self.close(); }
    });
    cg.onChange(map, function () { if (!self.box.hidden) { self.close(); } });
  }
  Card.prototype.open = function (layer, found, back) {
    var self = this, level = found.level, i = found.index;
    this.back = back;
    return cg.whole(layer, level).then(function () { self.fill(layer, layer.told(level, i)); });
  };
  Card.prototype.fill = function (layer, found) {
    var box = this.box, self = this, names = cg.told(layer), shown = cg.shownBy(layer);
    this.layer = layer; this.found = found;
    box.textContent = "";
    var head = el("div", "cg-card-head", box), title = el("h2", "", head, cg.word("cell", { code: found.code }));
    title.id = "cg-card-title";
    var shut = button(head, "\u00d7", function () { self.close(); }, "cg-close");
    shut.setAttribute("aria-label", cg.word("close"));
    el("p", "cg-note", box, cg.sideOf(found));
    if (found.each > 1) { el("p", "cg-note", box, cg.word("together", { n: cg.number(found.each, 0) })); }
    var order = shown.concat(names.values.filter(function (n) { return shown.indexOf(n) < 0; }));
    group(box, cg.word("values"), layer, found, order);
    group(box, cg.word("why"), layer, found, names.why.filter(function (n) { return shown.indexOf(n) < 0; }));
    foot(box, found, this.about);
    box.hidden = false; box.scrollTop = 0;
    cg.mark(this.map, layer, found);
    box.focus({ preventScroll: true });
  };
  Card.prototype.close = function () {
    this.box.hidden = true;
    if (!cg.reading) { cg.mark(this.map, null); }
    if (this.back && this.back.isConnected) { this.back.focus({ preventScroll: true }); }
  };

  function card(map, about) {
    var made = new Card(map, about);
    map.on("click", function (event) {
      var layer = cg.active(map, event.containerPoint), found = layer && layer.cellAt(event.latlng, map.getZoom());
      if (found) { made.open(layer, found, map.getContainer()); } else if (!made.box.hidden) { made.close(); }
    });
    return made;
  }

  /* One cell is marked: its outline, and a ring in two tones that is seen on any colour and at any zoom. */
  cg.mark = function (map, layer, found) {
    if (map.cgRing) { map.cgRing.remove(); map.cgRing = null; }
    if (map.cgMarked) { map.cgMarked.mark(null); map.cgMarked = null; }
    if (!layer) { return; }
    var p = found.level.cells.place(found.index), at = L.latLng(p[1], p[0]);
    var east = L.latLng(at.lat, at.lng + found.size / 111320 / Math.cos(at.lat * Math.PI / 180));
    var side = map.latLngToLayerPoint(at).distanceTo(map.latLngToLayerPoint(east)), radius = Math.max(7, 0.75 * side + 3);
    map.cgRing = L.layerGroup([["#ffffff", 6], ["#14171a", 2.5]].map(function (tone) {
      return L.circleMarker(at, { radius: radius, color: tone[0], weight: tone[1], fill: false, interactive: false });
    })).addTo(map);
    map.cgMarked = layer;
    layer.mark(found.index);
  };

  /* Another layer, or another indicator in the same. */
  cg.onChange = function (map, act) {
    function heed(layer) { if (layer.isCell) { layer.on("variable", act); } }
    map.eachLayer(heed);
    map.on("layeradd", function (event) { heed(event.layer); if (event.layer.isCell) { act(); } });
    map.on("layerremove", function (event) { if (event.layer.isCell) { event.layer.off("variable", act); } });
  };

  cg.tooltip = tooltip;
  cg.card = card;
}(window.civigrid = window.civigrid || {}));
