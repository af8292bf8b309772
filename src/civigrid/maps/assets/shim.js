/* Until format 2 lies under this: what card, keyboard and table need of layers and cells. */
(function (cg) {
  "use strict";

  if (cg.Squares.prototype.code) { return; }
  var S = cg.Squares.prototype;
  function rc(cells, i) {
    var lo = 0, hi = cells.row.length - 1;
    while (lo < hi) { var m = (lo + hi + 1) >> 1; if (cells.first[m] <= i) { lo = m; } else { hi = m - 1; } }
    return [cells.row[lo], cells.col[lo] + i - cells.first[lo]];
  }
  function back(x, y) {
    var lon = 10, lat = 52;
    for (var k = 0; k < 30; k++) {
      var p = cg.laea(lon, lat), a = cg.laea(lon + 1e-4, lat), b = cg.laea(lon, lat + 1e-4);
      var ax = (a[0] - p[0]) / 1e-4, ay = (a[1] - p[1]) / 1e-4, bx = (b[0] - p[0]) / 1e-4, by = (b[1] - p[1]) / 1e-4;
      var det = ax * by - bx * ay, ex = x - p[0], ey = y - p[1];
      lon += (ex * by - bx * ey) / det; lat += (ax * ey - ex * ay) / det;
    }
    return [lon, lat];
  }
  S.place = function (i) { var p = rc(this, i), s = this.size; return back((p[1] + 0.5) * s, (p[0] + 0.5) * s); };
  S.code = function (i) { var p = rc(this, i), s = this.size; return "CRS3035RES" + s + "mN" + p[0] * s + "E" + p[1] * s; };
  S.step = function (i, dx, dy) {
    var p = rc(this, i), s = this.size;
    for (var k = 1; k <= 50; k++) {
      var at = this.at((p[1] + 0.5 + k * dx) * s, (p[0] + 0.5 + k * dy) * s);
      if (at >= 0) { return at; }
    }
    return -1;
  };
  var H = cg.Shapes.prototype;
  H.place = function (i) {
    var x = 0, y = 0;
    for (var j = 0; j < this.k; j++) { x += this.lon[i * this.k + j] / this.k; y += this.lat[i * this.k + j] / this.k; }
    return [x, y];
  };
  H.code = function (i) { return "shape" + i; };
  H.step = function (i, dx, dy) {
    var p = this.place(i), b = 4 * i, w = this.box[b + 2] - this.box[b], h = this.box[b + 3] - this.box[b + 1];
    for (var k = 1; k <= 50; k++) { var at = this.at(p[0] + 0.8 * k * dx * w, p[1] + 0.8 * k * dy * h); if (at >= 0 && at !== i) { return at; } }
    return -1;
  };
  Object.defineProperty(S, "count", { get: function () { return this.first[this.row.length]; } });
  var make = cg.cellLayer;
  cg.cellLayer = function (id, options) {
    var layer = make(id, options), old = layer.cellAt;
    layer.cellAt = function (latlng, zoom) {
      var found = old.call(this, latlng, zoom);
      if (!found) { return null; }
      var square = this.data.kind === "square", cells = (square ? this.level(zoom, latlng.lat) : this.data.levels[0]).cells;
      var p = square ? cg.laea(latlng.lng, latlng.lat) : [latlng.lng, latlng.lat];
      found.index = cells.at(p[0], p[1]); found.code = cells.code(found.index);
      return found;
    };
    layer.mark = function (i) {
      if (this._mark) { this._mark.remove(); this._mark = null; }
      if (i === null || !this._map) { return; }
      var square = this.data.kind === "square", cells = (square ? this.level(this._map.getZoom(), this._map.getCenter().lat) : this.data.levels[0]).cells, ring = [];
      if (square) {
        var p = rc(cells, i), s = cells.size;
        [[0, 0], [0, 1], [1, 1], [1, 0]].forEach(function (c) { var q = back((p[1] + c[1]) * s, (p[0] + c[0]) * s); ring.push([q[1], q[0]]); });
      } else {
        for (var j = 0; j < cells.k; j++) { ring.push([cells.lat[i * cells.k + j], cells.lon[i * cells.k + j]]); }
      }
      this._mark = L.layerGroup([L.polygon(ring, { color: "#fff", weight: 6, fill: false, interactive: false }), L.polygon(ring, { color: "#1b1f24", weight: 3, fill: false, interactive: false })]).addTo(this._map);
    };
    return layer;
  };
}(window.civigrid = window.civigrid || {}));
