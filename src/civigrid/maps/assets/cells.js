/* Layers of cells: geometry is drawn here, pixel by pixel. */
(function (cg) {
  "use strict";
  var D = Math.PI / 180, ALPHA = 235, NOTHING = 1;
  /* Patterns of what has no value, as pictures on paper have them: withheld, not available, beyond the search, other. */
  var WITHHELD = 2, UNAVAILABLE = 3, BEYOND = 4, UNDEFINED = 5;
  cg.isColor = function (word) { return word > UNDEFINED; };

  cg.rgb = function (hex) { return [1, 3, 5].map(function (k) { return parseInt(hex.substr(k, 2), 16); }); };
  function word(c, alpha) { return (alpha << 24 | c[2] << 16 | c[1] << 8 | c[0]) >>> 0; }
  var PAPER = word([233, 233, 230], ALPHA), LINE = word([138, 143, 148], ALPHA), INK = word([0, 0, 0], 255);
  var DARK = word([60, 60, 60], ALPHA), LIGHT = word([240, 240, 240], ALPHA);
  /* Whether a pixel is on a line of its pattern: it depends on its place alone, so patterns run on from tile to tile. */
  function lined(kind, x, y, r) {
    var period = 5 * r, up = (x + y) % period < r, down = (x + 65280 * r - y) % period < r;
    if (kind === WITHHELD) { return up; }
    if (kind === UNAVAILABLE) { return down; }
    if (kind === BEYOND) { return up || down; }
    return y % period < 2 * r && (x + (Math.floor(y / period) % 2) * 2 * r) % period < 2 * r;
  }

  var CellLayer = L.GridLayer.extend({
    isCell: true,
    initialize: function (id, options) {
      L.GridLayer.prototype.initialize.call(this, options);
      this.data = cg.stores[id];
      this.take(options.variable, options);
    },
    /* Another variable, or other classes of the same. */
    take: function (name, options) {
      this.name = name;
      L.setOptions(this, options);
      this.colors = this.options.legend.classes.map(function (c) { return cg.rgb(c.color); });
      this.luts = new Map();
    },
    needs: function () { return [this.name]; },
    onAdd: function (map) {
      L.GridLayer.prototype.onAdd.call(this, map);
      var self = this;
      this.load().then(function () { if (self._map) { self.redraw(); } });
    },
    load: function () {
      var self = this;
      return Promise.all(this.needs().concat(this.options.uncertain || []).map(this.data.need)).then(function () { self.loaded = true; });
    },
    /* Show another indicator of the same cells: no id is sent or decoded again. */
    setVariable: function (name, options) {
      var self = this, before = this.name;
      this.take(name, L.extend({ variable: name }, options));
      return this.load().then(function () {
        var same = self.data.levels.every(function (l) { return !l.values[before] === !l.values[name]; });
        if (self._map && same) { self.repaint(); } else if (self._map) { self.redraw(); }
        self.fire("variable");
      });
    },
    /* Draw the other classes pale; null: all alike. */
    setHighlight: function (k) { this.highlight = k === undefined ? null : k; this.repaint(); },
    /* Draw only cells whose value lies in [low, high]; null: all. */
    setRange: function (low, high) { this.range = low === null || low === undefined ? null : [low, high]; this.repaint(); },
    /* Outline one cell of the level that is drawn; null: none. */
    mark: function (i) { this.marked = i === null || i === undefined ? -1 : i; this.repaint(); },
    marked: -1, highlight: null, range: null,

    native: function () { return this._map && this._map.options.crs.code === "EPSG:3035"; },
    /* The finest level whose cells are not smaller than a pixel in the middle of the map's data, among those that have
       the variable: one for the whole picture, or Mercator's larger north would show finer cells than the south. */
    level: function (zoom) {
      var levels = this.data.levels, best = levels[0];
      var pixel = this.native() ? 32000 / Math.pow(2, zoom) : 156543.03 * Math.cos(this.data.lat * D) / Math.pow(2, zoom);
      for (var i = 1; i < levels.length; i++) {
        if (pixel > levels[i - 1].size && this.needs().every(function (n) { return levels[i].values[n]; })) { best = levels[i]; }
      }
      return best;
    },
    /* -1: hatched, for something is withheld; -2: nothing to draw. */
    classOf: function (level, i) {
      var v = level.values[this.name], x = cg.valueOf(v, i), breaks = this.options.breaks;
      if (x !== x) { return v.state[i] > 2 || this.options.hatch_undefined ? -1 : -2; }
      if (this.range && !(x >= this.range[0] && x <= this.range[1])) { return -2; }
      if (this.data.about[this.name].kind === "extensive") { x /= level.each; }
      if (x === 0 && this.options.zero) { return 0; }
      var c = 0;
      while (c < breaks.length && x >= breaks[c]) { c++; }
      return c + (this.options.zero ? 1 : 0);
    },
    colorOf: function (level, i) {
      var k = this.classOf(level, i);
      if (k < 0) { return k === -1 ? this.patternOf(level, i) : NOTHING; }
      var c = this.colors[k];
      if (this.highlight !== null && this.highlight !== k) {
        c = c.map(function (v) { return Math.round(236 + (v - 236) * 0.18); });
      }
      return word(c, this.doubtful(level, i) ? ALPHA - 1 : ALPHA);
    },
    patternOf: function (level, i) {
      var state = level.values[this.name].state[i];
      if (state === 3 || state === 7) { return WITHHELD; }
      return state === 4 ? UNAVAILABLE : (state > 2 ? UNDEFINED : BEYOND);
    },
    /* Whether the error of a value is too large for it to be read by itself. */
    rough: function (level, i) {
      var u = this.options.uncertain && level.values[this.options.uncertain];
      return Boolean(u && u.code && cg.valueOf(u, i) > 0);
    },
    /* Whether thin lines are drawn over a value: its error is large, or its status says that it is no exact count. */
    doubtful: function (level, i) {
      var legend = this.options.legend, state;
      if (!legend.lines || level !== this.data.levels[0]) { return false; }
      if (this.rough(level, i)) { return true; }
      state = level.values[this.name].state[i];
      return state > 4 && (legend.uncertain_by || []).some(function (m) { return m.status === state; });
    },
    createTile: function (coords) {
      var tile = document.createElement("canvas"), ratio = Math.min(2, Math.max(1, Math.round(window.devicePixelRatio || 1)));
      tile.width = tile.height = 256 * ratio;
      if (this.loaded) {
        var w = tile.width, level = this.level(coords.z), at = new Int32Array(w * w);
        level.cells[this.native() ? "native" : "mercator"](coords, w, at);
        tile.cells = at; tile.level = level; tile.ratio = ratio;
        /* a place that 2, 5 and 6 divide, counted in tiles: patterns meet at the edges */
        tile.at = [coords.x % 15 * w, coords.y % 15 * w].map(function (v) { return (v + 15 * w) % (15 * w); });
        this.paint(tile);
      }
      return tile;
    },
    lut: function (level) {
      if (!this.luts.has(level)) { this.luts.set(level, new Uint32Array(level.n)); }
      return this.luts.get(level);
    },
    paint: function (tile) {
      var ctx = tile.getContext("2d"), w = tile.width, image = ctx.createImageData(w, w);
      var out = new Uint32Array(image.data.buffer), at = tile.cells, lut = this.lut(tile.level), ratio = tile.ratio;
      var marked = this.marked, o = 0;
      for (var py = 0; py < w; py++) {
        for (var px = 0; px < w; px++, o++) {
          var i = at[o];
          if (i < 0) { continue; }
          var c = lut[i] || (lut[i] = this.colorOf(tile.level, i));
          if (c > NOTHING && c <= UNDEFINED) {
            c = lined(c, tile.at[0] + px, tile.at[1] + py, ratio) ? LINE : PAPER;
          } else if (c >>> 24 === ALPHA - 1 && (tile.at[0] + px + tile.at[1] + py) % (6 * ratio) < ratio) {
            c = 0.2126 * (c & 255) + 0.7152 * (c >>> 8 & 255) + 0.0722 * (c >>> 16 & 255) < 140 ? LIGHT : DARK;
          }
          if (i === marked && (px < 2 || py < 2 || px > w - 3 || py > w - 3 || at[o - 2] !== i || at[o + 2] !== i ||
              at[o - 2 * w] !== i || at[o + 2 * w] !== i) && (at[o - 2] !== i || at[o + 2] !== i || at[o - 2 * w] !== i ||
              at[o + 2 * w] !== i)) { c = INK; }
          if (c !== NOTHING) { out[o] = c; }
        }
      }
      ctx.putImageData(image, 0, 0);
    },
    /* Colour what is drawn again; which cell lies where is kept. */
    repaint: function () {
      this.luts = new Map();
      for (var key in this._tiles) {
        var tile = this._tiles[key].el;
        if (tile.cells) { this.paint(tile); }
      }
    },
    /* The cell at a place, with every value decoded so far: what hover, click and tests use. */
    cellAt: function (latlng, zoom) {
      if (!this.loaded) { return null; }
      var level = this.level(zoom), i = level.cells.find(latlng.lng, latlng.lat);
      if (i < 0) { return null; }
      this.data.all();
      return this.told(level, i);
    },
    told: function (level, i) {
      var found = { index: i, level: level, each: level.each, size: level.size, code: level.cells.code(i), values: {}, status: {} };
      Object.keys(level.values).forEach(function (name) {
        if (!level.values[name].code) { return; }
        found.values[name] = cg.valueOf(level.values[name], i);
        found.status[name] = level.values[name].state[i];
      });
      return found;
    }
  });

  /* Two variables at once: the class of the second times the classes of the first, plus the class of the first. */
  var TwoWayLayer = CellLayer.extend({
    initialize: function (id, options) {
      this.parts = options.parts.map(function (p) { return new CellLayer(id, L.extend({}, options, p)); });
      CellLayer.prototype.initialize.call(this, id, options);
    },
    needs: function () { return this.parts.map(function (p) { return p.name; }); },
    /* Of the part that is withheld for the weightier reason: the greater status, as the legend counts it. */
    patternOf: function (level, i) {
      var states = this.parts.map(function (p) { return level.values[p.name].state[i]; });
      return this.parts[states[1] > states[0] ? 1 : 0].patternOf(level, i);
    },
    classOf: function (level, i) {
      var a = this.parts[0].classOf(level, i), b = this.parts[1].classOf(level, i);
      /* what is withheld is hatched, where nobody lives nothing is drawn */
      if (a < 0 || b < 0) { return a === -1 || b === -1 ? -1 : -2; }
      return b * (this.options.parts[0].breaks.length + 1) + a;
    }
  });

  cg.cellLayer = function (id, options) { return new CellLayer(id, options); };
  cg.twoWayLayer = function (id, options) { return new TwoWayLayer(id, options); };
}(window.civigrid = window.civigrid || {}));
