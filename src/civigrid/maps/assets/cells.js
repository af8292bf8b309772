/* Layers of cells: geometry is drawn here, pixel by pixel. */
(function (cg) {
  "use strict";
  var laea = cg.laea;
  var valueOf = cg.valueOf;

  var D = Math.PI / 180;

  function rgb(hex) { return [1, 3, 5].map(function (k) { return parseInt(hex.substr(k, 2), 16); }); }

  var CellLayer = L.GridLayer.extend({
    initialize: function (id, options) {
      L.GridLayer.prototype.initialize.call(this, options);
      this.data = cg.stores[id]; this.name = options.variable;
      this.colors = options.legend.classes.map(function (c) { return rgb(c.color); });
      this.isCell = true;
    },
    onAdd: function (map) {
      L.GridLayer.prototype.onAdd.call(this, map);
      var self = this;
      this.data.ready.then(function () { self.data.done = true; if (self._map) { self.redraw(); } });
    },
    level: function (zoom, lat) {
      var levels = this.data.levels, pixel = 156543.03 * Math.cos(lat * D) / Math.pow(2, zoom), best = levels[0];
      for (var i = 1; i < levels.length; i++) {
        if (pixel >= this.data.cell_size_m * levels[i].factor / 3) { best = levels[i]; }
      }
      return best;
    },
    classOf: function (level, i) {
      var v = level.values[this.name], x = valueOf(v, i), breaks = this.options.breaks;
      if (x !== x) { return v.state[i] > 2 || this.options.hatch_undefined ? -1 : -2; }
      if (v.kind === "extensive") { x /= level.factor * level.factor; }
      if (x === 0 && this.options.zero) { return 0; }
      var k = this.options.zero ? 1 : 0, c = 0;
      while (c < breaks.length && x >= breaks[c]) { c++; }
      return k + c;
    },
    createTile: function (coords) {
      var tile = document.createElement("canvas"), size = this.getTileSize();
      var ratio = Math.min(2, window.devicePixelRatio || 1);
      tile.width = size.x * ratio; tile.height = size.y * ratio;
      if (this.data.done) {
        (this.data.kind === "square" ? this.paint : this.outline).call(this, tile, coords, ratio);
      }
      return tile;
    },
    place: function (coords, px, py) {
      var n = 256 * Math.pow(2, coords.z), y = (coords.y * 256 + py) / n;
      return [(coords.x * 256 + px) / n * 360 - 180, Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / D];
    },
    paint: function (tile, coords, ratio) {
      var ctx = tile.getContext("2d"), w = tile.width, image = ctx.createImageData(w, w), out = image.data;
      var mid = this.place(coords, 128, 128), level = this.level(coords.z, mid[1]), cells = level.cells;
      var steps = coords.z < 6 ? 32 : 16, mesh = [], i, j;
      for (i = 0; i <= steps; i++) {
        for (j = 0; j <= steps; j++) {
          var p = this.place(coords, 256 * j / steps, 256 * i / steps);
          mesh.push(laea(p[0], p[1]));
        }
      }
      var cell = w / steps, shade = new Map();
      for (var py = 0; py < w; py++) {
        var v = (py + 0.5) / cell, r = Math.min(steps - 1, Math.floor(v)), fy = v - r;
        for (var px = 0; px < w; px++) {
          var u = (px + 0.5) / cell, c = Math.min(steps - 1, Math.floor(u)), fx = u - c, o = r * (steps + 1) + c;
          var a = mesh[o], b = mesh[o + 1], d = mesh[o + steps + 1], e = mesh[o + steps + 2];
          var x = (a[0] * (1 - fx) + b[0] * fx) * (1 - fy) + (d[0] * (1 - fx) + e[0] * fx) * fy;
          var y = (a[1] * (1 - fx) + b[1] * fx) * (1 - fy) + (d[1] * (1 - fx) + e[1] * fx) * fy;
          var at = cells.at(x, y);
          if (at < 0) { continue; }
          var k = shade.get(at);
          if (k === undefined) { k = this.classOf(level, at); shade.set(at, k); }
          if (k === -2) { continue; }
          var color = k >= 0 ? this.colors[k] : ((px + py) % (6 * ratio) < 2 * ratio ? [120, 120, 120] : [222, 222, 222]);
          var q4 = 4 * (py * w + px);
          out[q4] = color[0]; out[q4 + 1] = color[1]; out[q4 + 2] = color[2]; out[q4 + 3] = 235;
        }
      }
      ctx.putImageData(image, 0, 0);
    },
    outline: function (tile, coords, ratio) {
      var ctx = tile.getContext("2d"), level = this.data.levels[0], cells = level.cells, n = 256 * Math.pow(2, coords.z);
      var nw = this.place(coords, 0, 0), se = this.place(coords, 256, 256);
      ctx.scale(ratio, ratio);
      var hatch = this.hatch = this.hatch || hatched();
      for (var i = 0; i < cells.n; i++) {
        var o = 4 * i;
        if (cells.box[o] > se[0] || cells.box[o + 2] < nw[0] || cells.box[o + 1] > nw[1] || cells.box[o + 3] < se[1]) {
          continue;
        }
        var k = this.classOf(level, i);
        if (k === -2) { continue; }
        ctx.beginPath();
        for (var j = 0; j < cells.k; j++) {
          var lat = cells.lat[i * cells.k + j] * D;
          var x = (cells.lon[i * cells.k + j] + 180) / 360 * n - coords.x * 256;
          var y = (1 - Math.log(Math.tan(lat) + 1 / Math.cos(lat)) / Math.PI) / 2 * n - coords.y * 256;
          if (j) { ctx.lineTo(x, y); } else { ctx.moveTo(x, y); }
        }
        ctx.closePath();
        ctx.fillStyle = k >= 0 ? this.options.legend.classes[k].color : ctx.createPattern(hatch, "repeat");
        ctx.strokeStyle = k >= 0 ? ctx.fillStyle : "#b0b0b0"; ctx.lineWidth = 0.4;
        ctx.globalAlpha = 0.92;
        ctx.fill(); ctx.stroke();
      }
    },
    /* The cell at a place, with every value of the store: what hover, click and tests use. */
    cellAt: function (latlng, zoom) {
      var square = this.data.kind === "square";
      var level = square ? this.level(zoom, latlng.lat) : this.data.levels[0];
      var p = square ? laea(latlng.lng, latlng.lat) : [latlng.lng, latlng.lat], i = level.cells.at(p[0], p[1]);
      if (i < 0) { return null; }
      var found = { factor: level.factor, values: {}, status: {} };
      if (square) {
        var s = level.cells.size;
        found.code = "N " + Math.floor(p[1] / s) * s / 1000 + "  E " + Math.floor(p[0] / s) * s / 1000 + " km";
        found.size = s;
      }
      Object.keys(level.values).forEach(function (name) {
        found.values[name] = valueOf(level.values[name], i);
        found.status[name] = level.values[name].state[i];
      });
      return found;
    }
  });

  /* Two variables at once: the class of the second times the classes of the first, plus the class of the first. */
  var TwoWayLayer = CellLayer.extend({
    initialize: function (id, options) {
      CellLayer.prototype.initialize.call(this, id, options);
      this.parts = options.parts.map(function (p) { return new CellLayer(id, L.extend({}, options, p)); });
    },
    classOf: function (level, i) {
      var a = this.parts[0].classOf(level, i), b = this.parts[1].classOf(level, i);
      /* what is withheld is hatched, where nobody lives nothing is drawn */
      if (a < 0 || b < 0) { return a === -1 || b === -1 ? -1 : -2; }
      return b * (this.options.parts[0].breaks.length + 1) + a;
    }
  });

  function hatched() {
    var tile = document.createElement("canvas"), ctx = tile.getContext("2d");
    tile.width = tile.height = 6;
    ctx.fillStyle = "#dedede"; ctx.fillRect(0, 0, 6, 6);
    ctx.strokeStyle = "#787878"; ctx.lineWidth = 1.4;
    ctx.beginPath();
    [[-1, 1, 1, -1], [0, 6, 6, 0], [5, 7, 7, 5]].forEach(function (s) { ctx.moveTo(s[0], s[1]); ctx.lineTo(s[2], s[3]); });
    ctx.stroke();
    return tile;
  }

  cg.cellLayer = function (id, options) { return new CellLayer(id, options); };
  cg.twoWayLayer = function (id, options) { return new TwoWayLayer(id, options); };

  cg.rgb = rgb;
}(window.civigrid = window.civigrid || {}));
