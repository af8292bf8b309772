/* Cells by keyboard: a mode of its own, so that the arrow keys of the map keep what Leaflet gives them. */
(function (cg) {
  "use strict";
  var SIDES = { ArrowUp: [0, 1, "north"], ArrowDown: [0, -1, "south"], ArrowLeft: [-1, 0, "west"], ArrowRight: [1, 0, "east"] };

  function Cursor(map, parts) {
    var self = this, box = map.getContainer();
    this.map = map; this.card = parts.card; this.table = parts.table; this.button = parts.button;
    this.layer = this.found = this.latlng = null;
    this.box = cg.part("div", "cg-cursor", box);
    this.box.setAttribute("role", "application"); this.box.hidden = true; this.box.tabIndex = 0;
    this.box.setAttribute("aria-label", cg.word("cursor"));
    this.box.setAttribute("aria-describedby", "cg-cursor-help");
    this.bar = cg.part("div", "cg-bar", box);
    this.said = cg.part("p", "cg-said", this.bar, "");
    this.said.setAttribute("role", "status"); this.said.setAttribute("aria-atomic", "true");
    this.help = cg.part("p", "cg-bar-help", this.bar, cg.word("cursor_help"));
    this.help.id = "cg-cursor-help"; this.help.hidden = true;
    this.box.addEventListener("keydown", function (event) { self.key(event); });
    map.on("zoomend", function () { if (cg.reading) { self.again(); } });
    cg.onChange(map, function () { if (cg.reading) { self.again(); } });
    box.addEventListener("keydown", function (event) {
      if (event.target === box && event.key.toLowerCase() === "c" && !event.ctrlKey && !event.metaKey && !event.altKey) { self.start(); }
    });
  }

  /* Said once the keys rest: a held arrow key does not flood the reader. */
  Cursor.prototype.say = function (text) {
    var said = this.said;
    clearTimeout(this.wait);
    this.wait = setTimeout(function () { said.textContent = text; }, 120);
  };

  Cursor.prototype.start = function () {
    var layer = cg.active(this.map), self = this;
    if (!layer) { return Promise.resolve(); }
    cg.reading = true;
    this.box.hidden = this.help.hidden = false;
    this.bar.classList.add("cg-on");
    this.button.setAttribute("aria-pressed", "true");
    this.box.focus({ preventScroll: true });
    return cg.whole(layer, layer.data.levels[0]).then(function () { self.again(); });
  };

  Cursor.prototype.stop = function () {
    cg.reading = false;
    this.box.hidden = this.help.hidden = true;
    this.bar.classList.remove("cg-on");
    this.button.setAttribute("aria-pressed", "false");
    cg.mark(this.map, null);
    this.say(cg.word("cursor_left"));
    this.button.focus();
  };

  Cursor.prototype.level = function () {
    return this.layer.level(this.map.getZoom());
  };

  /* The cell that is read, found anew where the level or the layer has changed; else one in the picture. */
  Cursor.prototype.again = function () {
    var self = this;
    this.layer = cg.top(this.map);
    if (!this.layer) { this.say(cg.word("no_cells")); return; }
    if (!this.layer.loaded) { this.layer.load().then(function () { if (cg.reading) { self.again(); } }); return; }
    var found = this.latlng && this.layer.cellAt(this.latlng, this.map.getZoom());
    if (!found || !this.map.getBounds().contains(this.latlng)) { found = this.nearest(); }
    if (!found) { this.say(cg.word("no_cells")); return; }
    cg.whole(this.layer, found.level).then(function () { if (cg.reading) { self.go(found.level, found.index, ""); } });
  };

  /* The cell nearest to the middle of what panels leave free, along growing squares; the highest where the picture has none. */
  Cursor.prototype.nearest = function () {
    var size = this.map.getSize(), middle = cg.middle(this.map), zoom = this.map.getZoom(), step = 6;
    for (var r = 0; r <= Math.max(size.x, size.y) / 2; r += step) {
      for (var d = -r; d <= r; d += step) {
        var ring = [[d, -r], [d, r], [-r, d], [r, d]];
        for (var k = 0; k < (r ? 4 : 1); k++) {
          var point = middle.add(ring[k]);
          var found = this.layer.cellAt(this.map.containerPointToLatLng(point), zoom);
          if (found) { return found; }
        }
      }
    }
    return this.extreme(1);
  };


  /* The cell of the highest (1) or lowest (-1) value that is known, the first of equals. */
  Cursor.prototype.extreme = function (sign) {
    var level = this.level(), v = level.values[cg.shownBy(this.layer)[0]], best = -1, most = -Infinity;
    for (var i = 0; i < level.n; i++) {
      var x = sign * cg.valueOf(v, i);
      if (x > most) { most = x; best = i; }
    }
    return best < 0 ? null : { level: level, index: best };
  };
  Cursor.prototype.jump = function (sign, before) {
    var found = this.extreme(sign);
    if (found) { this.go(found.level, found.index, before); } else { this.say(cg.word("no_cells")); }
  };

  Cursor.prototype.go = function (level, i, before) {
    var place = level.cells.place(i), latlng = L.latLng(place[1], place[0]);
    this.found = this.layer.told(level, i);
    this.latlng = latlng;
    if (!this.map.getBounds().pad(-0.1).contains(latlng)) { this.map.panTo(latlng, { animate: !cg.still() }); }
    cg.mark(this.map, this.layer, this.found);
    this.say((before ? before + " " : "") + this.words(this.found));
  };

  Cursor.prototype.words = function (found) {
    var layer = this.layer, data = layer.data;
    var names = cg.shownBy(layer);
    var value = names.map(function (name) {
      var between = cg.interval(data, name, found.values);
      return cg.written(data.about[name], found.values[name], found.status[name]) + (between ? ", " + between : "");
    }).join("; ");
    var title = names.map(function (name) { return data.about[name].long_name; }).join("; ");
    return cg.word("at", { value: value, name: title, place: spoken(found.code, this.latlng) });
  };

  /* Where a cell lies, short enough to be heard: kilometres of the grid in its code, else degrees. */
  function spoken(code, latlng) {
    var grid = /mN(\d+)E(\d+)$/.exec(code || "");
    return grid ? cg.word("place_grid", { north: grid[1] / 1000, east: grid[2] / 1000 }) :
      cg.word("place_degrees", { lat: cg.number(latlng.lat, 3), lon: cg.number(latlng.lng, 3) });
  }

  Cursor.prototype.move = function (side, far) {
    if (!this.found) { return; }
    var level = this.found.level, at = this.found.index, gap = 0;
    for (var k = 0; k < (far ? 10 : 1); k++) {
      var next = level.cells.step(at, side[0], side[1]);
      if (next < 0) { break; }
      if (!far) { gap = this.gap(level, at, next); }
      at = next;
    }
    if (at === this.found.index) { this.say(cg.word("no_cell_" + side[2])); return; }
    this.go(level, at, gap ? cg.word("after_gap", { gap: cg.number(gap, gap < 1 ? 1 : 0) }) : "");
  };

  /* Kilometres between two cells that do not touch, side to side. */
  Cursor.prototype.gap = function (level, a, b) {
    var p = level.cells.place(a), q = level.cells.place(b), apart = L.CRS.Earth.distance(L.latLng(p[1], p[0]), L.latLng(q[1], q[0]));
    return apart > 1.6 * level.size ? (apart - level.size) / 1000 : 0;
  };

  Cursor.prototype.key = function (event) {
    var side = SIDES[event.key], self = this, key = event.key.toLowerCase(), done = true;
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (side) { this.move(side, event.shiftKey); }
    else if (key === "home") { this.jump(1, cg.word("highest")); }
    else if (key === "end") { this.jump(-1, cg.word("lowest")); }
    else if (key === "pageup" || key === "+") { this.zoom(1); }
    else if (key === "pagedown" || key === "-") { this.zoom(-1); }
    else if ((key === "enter" || key === " ") && this.found) { this.card.open(this.layer, this.found, this.box); }
    else if (key === "c" && this.found) { cg.copyCode(this.found.code, function (text) { self.say(text); }); }
    else if (key === "t") { this.table.open(this.box); }
    else if (key === "escape") { this.stop(); }
    else { done = false; }
    if (done) { event.preventDefault(); }
  };
  Cursor.prototype.zoom = function (by) {
    if (this.latlng) { this.map.setView(this.latlng, this.map.getZoom() + by, { animate: !cg.still() }); }
  };

  cg.still = function () { return window.matchMedia("(prefers-reduced-motion: reduce)").matches; };
  cg.cursor = function (map, parts) { return new Cursor(map, parts); };
}(window.civigrid = window.civigrid || {}));
