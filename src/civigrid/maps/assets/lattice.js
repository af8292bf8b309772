/* Where a cell lies, and which cell lies where. */
(function (cg) {
  "use strict";

  /* Lambert azimuthal equal-area on GRS80, EPSG:3035; Snyder (1987), eq. 3-12, 24-17 to 24-19. */
  var A = 6378137, F = 1 / 298.257222101, E2 = F * (2 - F), E = Math.sqrt(E2), D = Math.PI / 180;
  function q(lat) {
    var s = Math.sin(lat);
    return (1 - E2) * (s / (1 - E2 * s * s) - Math.log((1 - E * s) / (1 + E * s)) / (2 * E));
  }
  var QP = q(Math.PI / 2), RQ = A * Math.sqrt(QP / 2), LAT0 = 52 * D, LON0 = 10 * D;
  var B0 = Math.asin(q(LAT0) / QP);
  var M0 = Math.cos(LAT0) / Math.sqrt(1 - E2 * Math.sin(LAT0) * Math.sin(LAT0));
  var DD = A * M0 / (RQ * Math.cos(B0));
  function laea(lon, lat) {
    var b = Math.asin(Math.max(-1, Math.min(1, q(lat * D) / QP))), l = lon * D - LON0;
    var k = RQ * Math.sqrt(2 / (1 + Math.sin(B0) * Math.sin(b) + Math.cos(B0) * Math.cos(b) * Math.cos(l)));
    return [4321000 + k * DD * Math.cos(b) * Math.sin(l),
      3210000 + (k / DD) * (Math.cos(B0) * Math.sin(b) - Math.sin(B0) * Math.cos(b) * Math.cos(l))];
  }

  /* Runs of cells: rows ascending, columns ascending in a row; the cell's index is its place in this order. */
  function Squares(about, runs) {
    this.size = about.cell_size_m; this.n = runs.length / 3;
    this.row = runs.subarray(0, this.n); this.col = runs.subarray(this.n, 2 * this.n);
    var length = runs.subarray(2 * this.n), first = new Int32Array(this.n + 1), i;
    for (i = 0; i < this.n; i++) { first[i + 1] = first[i] + length[i]; }
    this.first = first; this.length = length;
    this.low = this.n ? this.row[0] : 0;
    var rows = this.n ? this.row[this.n - 1] - this.low + 1 : 0;
    this.start = new Int32Array(rows + 1);
    for (i = 0; i < this.n; i++) { this.start[this.row[i] - this.low + 1] = i + 1; }
    for (i = 1; i <= rows; i++) { this.start[i] = Math.max(this.start[i], this.start[i - 1]); }
  }
  Squares.prototype.at = function (x, y) {
    var r = Math.floor(y / this.size) - this.low, c = Math.floor(x / this.size);
    if (!(r >= 0) || r + 1 >= this.start.length) { return -1; }
    var lo = this.start[r], hi = this.start[r + 1] - 1;
    while (lo <= hi) {
      var mid = (lo + hi) >> 1, d = c - this.col[mid];
      if (d < 0) { hi = mid - 1; } else if (d >= this.length[mid]) { lo = mid + 1; } else { return this.first[mid] + d; }
    }
    return -1;
  };

  /* Hexagons and other shapes: corners as they come, six or more to a cell. */
  function Shapes(about, flat) {
    this.k = about.corners; this.n = flat.length / 2 / this.k;
    this.lon = new Float64Array(this.n * this.k); this.lat = new Float64Array(this.n * this.k);
    this.box = new Float64Array(this.n * 4);
    for (var i = 0; i < this.n; i++) {
      var b = [1e9, 1e9, -1e9, -1e9];
      for (var j = 0; j < this.k; j++) {
        var at = i * this.k + j, lon = flat[at] / 1e6, lat = flat[this.n * this.k + at] / 1e6;
        this.lon[at] = lon; this.lat[at] = lat;
        b = [Math.min(b[0], lon), Math.min(b[1], lat), Math.max(b[2], lon), Math.max(b[3], lat)];
      }
      this.box.set(b, 4 * i);
    }
  }
  Shapes.prototype.at = function (lon, lat) {
    for (var i = 0; i < this.n; i++) {
      var b = this.box, o = 4 * i;
      if (lon < b[o] || lat < b[o + 1] || lon > b[o + 2] || lat > b[o + 3]) { continue; }
      var inside = false;
      for (var j = 0, p = this.k - 1; j < this.k; p = j++) {
        var a = i * this.k + j, z = i * this.k + p;
        if ((this.lat[a] > lat) !== (this.lat[z] > lat) &&
          lon < (this.lon[z] - this.lon[a]) * (lat - this.lat[a]) / (this.lat[z] - this.lat[a]) + this.lon[a]) {
          inside = !inside;
        }
      }
      if (inside) { return i; }
    }
    return -1;
  };

  cg.laea = laea;
  cg.Squares = Squares;
  cg.Shapes = Shapes;
}(window.civigrid = window.civigrid || {}));
