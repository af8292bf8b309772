/* Which cell lies where: squares of EPSG:3035 and hexagons of H3, both as places of lattices. */
(function (cg) {
  "use strict";
  var D = Math.PI / 180, SIN60 = Math.sqrt(0.75), FACE = 1 << 24;

  /* Lambert azimuthal equal-area on GRS80, EPSG:3035; Snyder (1987), eq. 3-11, 3-12, 24-17 to 24-19, 3-18. */
  var A = 6378137, F = 1 / 298.257222101, E2 = F * (2 - F), E = Math.sqrt(E2);
  function q(s) { return (1 - E2) * (s / (1 - E2 * s * s) - Math.log((1 - E * s) / (1 + E * s)) / (2 * E)); }
  var QP = q(1), RQ = A * Math.sqrt(QP / 2), LAT0 = 52 * D, LON0 = 10 * D;
  var SB0 = q(Math.sin(LAT0)) / QP, CB0 = Math.sqrt(1 - SB0 * SB0);
  var DD = A * Math.cos(LAT0) / Math.sqrt(1 - E2 * Math.sin(LAT0) * Math.sin(LAT0)) / (RQ * CB0);

  cg.laea = function (lon, lat) {
    var sb = Math.max(-1, Math.min(1, q(Math.sin(lat * D)) / QP)), cb = Math.sqrt(1 - sb * sb);
    var l = lon * D - LON0, cl = Math.cos(l), k = RQ * Math.sqrt(2 / (1 + SB0 * sb + CB0 * cb * cl));
    return [4321000 + k * DD * cb * Math.sin(l), 3210000 + (k / DD) * (CB0 * sb - SB0 * cb * cl)];
  };
  cg.unlaea = function (x, y) {
    var u = (x - 4321000) / DD, v = (y - 3210000) * DD, rho = Math.sqrt(u * u + v * v);
    if (rho < 1e-9) { return [10, 52]; }
    var c = 2 * Math.asin(Math.min(1, rho / (2 * RQ))), sc = Math.sin(c), cc = Math.cos(c);
    var qs = QP * (cc * SB0 + v * sc * CB0 / rho), lat = Math.asin(Math.max(-1, Math.min(1, qs / 2)));
    for (var i = 0; i < 6; i++) {
      var s = Math.sin(lat), w = 1 - E2 * s * s;
      var step = w * w / (2 * Math.cos(lat)) * (qs - q(s)) / (1 - E2);
      lat += step;
      if (Math.abs(step) < 1e-14) { break; }
    }
    return [(LON0 + Math.atan2(u * sc, rho * CB0 * cc - v * SB0 * sc)) / D, lat / D];
  };

  /* The EU's grid as a view of its own: one kilometre is one pixel at zoom 5. */
  L.CRS.EPSG3035 = L.extend({}, L.CRS, {
    code: "EPSG:3035", infinite: false, wrapLng: null, wrapLat: null,
    projection: {
      project: function (p) { var xy = cg.laea(p.lng, p.lat); return new L.Point(xy[0], xy[1]); },
      unproject: function (p) { var ll = cg.unlaea(p.x, p.y); return new L.LatLng(ll[1], ll[0]); },
      bounds: L.bounds([0, 0], [8192000, 8192000])
    },
    transformation: new L.Transformation(1 / 8192000, 0, -1 / 8192000, 1),
    distance: L.CRS.Earth.distance, R: L.CRS.Earth.R
  });

  /* Runs of cells, by row and column: a cell's index is its place in this order.  H3's rows are those of the twenty
     faces one after the other; `more` are places that cells on an edge have on other faces: rows, columns, indices. */
  cg.Cells = function (level, store, runs, more) {
    var n = runs.length / 3, length = runs.subarray(2 * n), first = new Int32Array(n + 1), i;
    this.size = level.size; this.n = level.n; this.hex = store.kind === "h3"; this.level = level;
    this.row = runs.subarray(0, n); this.col = runs.subarray(n, 2 * n); this.length = length; this.first = first;
    for (i = 0; i < n; i++) { first[i + 1] = first[i] + length[i]; }
    this.low = n ? this.row[0] : 0;
    /* where each row of squares begins; H3's rows are too far apart for a table */
    if (!this.hex) {
      var rows = n ? this.row[n - 1] - this.low + 1 : 0, start = this.start = new Int32Array(rows + 1);
      for (i = 0; i < n; i++) { start[this.row[i] - this.low + 1] = i + 1; }
      for (i = 1; i <= rows; i++) { start[i] = Math.max(start[i], start[i - 1]); }
    } else {
      var m = more.length / 3, turn = level.resolution % 2 ? Math.asin(Math.sqrt(3 / 28)) : 0;
      var scale = Math.pow(7, level.resolution / 2) / 0.381966011250105, c = Math.cos(turn), s = Math.sin(turn);
      this.moreRow = more.subarray(0, m); this.moreCol = more.subarray(m, 2 * m); this.moreAt = more.subarray(2 * m);
      this.rowStart = new Map();
      for (i = n - 1; i >= 0; i--) { this.rowStart.set(this.row[i], i); }
      this.faces = store.faces.map(function (f) {
        var face = f.slice(0, 3);
        for (var k = 3; k < 6; k++) { face[k] = scale * (c * f[k] + s * f[k + 3]); face[k + 3] = scale * (c * f[k + 3] - s * f[k]); }
        return face;
      });
      var faces = this.faces;
      this.beside = faces.map(function (f) {
        return faces.map(function (g, j) { return [f[0] * g[0] + f[1] * g[1] + f[2] * g[2], j]; })
          .sort(function (a, b) { return b[0] - a[0]; }).slice(1, 4).map(function (p) { return p[1]; });
      });
      this.face = 0;
    }
  };

  /* Index of the cell at a place of the lattice, or -1. */
  cg.Cells.prototype.at = function (row, col) {
    var lo, hi;
    if (this.hex) {
      lo = this.rowStart.get(row);
      if (lo === undefined) { return this.other(row, col); }
      hi = this.row.length - 1;
    } else {
      var r = row - this.low;
      if (!(r >= 0) || r + 1 >= this.start.length) { return -1; }
      lo = this.start[r]; hi = this.start[r + 1] - 1;
    }
    while (lo <= hi) {
      var mid = (lo + hi) >> 1, d = this.row[mid] === row ? col - this.col[mid] : -1;
      if (d < 0) { hi = mid - 1; } else if (d >= this.length[mid]) { lo = mid + 1; } else { return this.first[mid] + d; }
    }
    return this.hex ? this.other(row, col) : -1;
  };
  cg.Cells.prototype.other = function (row, col) {
    var lo = 0, hi = this.moreRow.length - 1;
    while (lo <= hi) {
      var mid = (lo + hi) >> 1, d = row - this.moreRow[mid] || col - this.moreCol[mid];
      if (d < 0) { hi = mid - 1; } else if (d > 0) { lo = mid + 1; } else { return this.moreAt[mid]; }
    }
    return -1;
  };

  /* Index of the cell that holds a direction in space: nearest face, its plane, nearest hexagon. */
  cg.Cells.prototype.towards = function (x, y, z) {
    var faces = this.faces, f = this.face, near = this.beside[f], face = faces[f];
    var best = face[0] * x + face[1] * y + face[2] * z, moved = false, k, d;
    for (k = 0; k < 3; k++) {
      d = faces[near[k]];
      if (d[0] * x + d[1] * y + d[2] * z > best) { moved = true; }
    }
    if (moved) {
      for (k = 0, best = -2; k < 20; k++) {
        d = faces[k][0] * x + faces[k][1] * y + faces[k][2] * z;
        if (d > best) { best = d; f = k; }
      }
      this.face = f; face = faces[f];
    }
    var u = (face[3] * x + face[4] * y + face[5] * z) / best, v = (face[6] * x + face[7] * y + face[8] * z) / best;
    var b = v / SIN60, a = u - b / 2, s = -a - b, A0 = Math.round(a), B0 = Math.round(b), S0 = Math.round(s);
    var da = Math.abs(A0 - a), db = Math.abs(B0 - b), ds = Math.abs(S0 - s);
    if (da > db && da > ds) { A0 = -B0 - S0; } else if (db > ds) { B0 = -A0 - S0; }
    if (A0 === this.lastA && B0 === this.lastB && f === this.lastF) { return this.lastAt; }
    this.lastA = A0; this.lastB = B0; this.lastF = f;
    this.lastAt = this.at(f * FACE + FACE / 2 + B0, A0);
    return this.lastAt;
  };

  /* Index of the cell at a longitude and latitude. */
  cg.Cells.prototype.find = function (lon, lat) {
    if (this.hex) {
      var c = Math.cos(lat * D);
      return this.towards(c * Math.cos(lon * D), c * Math.sin(lon * D), Math.sin(lat * D));
    }
    var p = cg.laea(lon, lat);
    return this.at(Math.floor(p[1] / this.size), Math.floor(p[0] / this.size));
  };

  /* Row and column of a cell. */
  cg.Cells.prototype.rowCol = function (i) {
    var lo = 0, hi = this.row.length - 1;
    while (lo < hi) {
      var mid = (lo + hi + 1) >> 1;
      if (this.first[mid] <= i) { lo = mid; } else { hi = mid - 1; }
    }
    return [this.row[lo], this.col[lo] + i - this.first[lo]];
  };
  /* Longitude and latitude of a cell's centre. */
  cg.Cells.prototype.place = function (i) {
    var p = this.rowCol(i);
    if (!this.hex) { return cg.unlaea((p[1] + 0.5) * this.size, (p[0] + 0.5) * this.size); }
    var f = this.faces[Math.floor(p[0] / FACE)], r = p[0] % FACE - FACE / 2;
    var u = p[1] + r / 2, v = r * SIN60, l = f[3] * f[3] + f[4] * f[4] + f[5] * f[5];
    var w = [0, 1, 2].map(function (k) { return f[k] + (u * f[3 + k] + v * f[6 + k]) / l; });
    return [Math.atan2(w[1], w[0]) / D, Math.atan2(w[2], Math.sqrt(w[0] * w[0] + w[1] * w[1])) / D];
  };
  /* The next cell in a direction (east, north in steps), skipping up to fifty that are empty; -1 where there is none. */
  cg.Cells.prototype.step = function (i, dx, dy) {
    var k, at;
    if (!this.hex) {
      var p = this.rowCol(i);
      for (k = 1; k <= 50; k++) {
        at = this.at(p[0] + k * dy, p[1] + k * dx);
        if (at >= 0) { return at; }
      }
      return -1;
    }
    var o = this.place(i), far = this.size / 111320 * 0.6;
    for (k = 1; k <= 100; k++) {
      at = this.find(o[0] + k * dx * far / Math.cos(o[1] * D), o[1] + k * dy * far);
      if (at >= 0 && at !== i) { return at; }
    }
    return -1;
  };
  /* A cell's id as people write it (INSPIRE, H3); of hexagons after `civigrid.codes(level)`. */
  cg.Cells.prototype.code = function (i) {
    if (this.hex) { return this.level.codeBytes ? cg.h3Code(this.level, i) : ""; }
    var p = this.rowCol(i);
    return "CRS3035RES" + this.size + "mN" + p[0] * this.size + "E" + p[1] * this.size;
  };

  /* Indices of the cells under the pixels of a tile in Web Mercator, w by w, exact at each pixel's middle. */
  cg.Cells.prototype.mercator = function (coords, w, out) {
    var n = w * Math.pow(2, coords.z), i, j, o = 0;
    var first = new Float64Array(w), second = new Float64Array(w), shift = this.hex ? 0 : LON0;
    for (j = 0; j < w; j++) {
      var lon = ((coords.x * w + j + 0.5) / n * 360 - 180) * D - shift;
      first[j] = Math.sin(lon); second[j] = Math.cos(lon);
    }
    for (i = 0; i < w; i++) {
      var sin = Math.tanh(Math.PI * (1 - 2 * (coords.y * w + i + 0.5) / n)), cos = Math.sqrt(1 - sin * sin);
      if (this.hex) {
        for (j = 0; j < w; j++) { out[o++] = this.towards(cos * second[j], cos * first[j], sin); }
        continue;
      }
      var sb = q(sin) / QP, cb = Math.sqrt(1 - sb * sb), row = NaN, col = NaN, at = -1;
      for (j = 0; j < w; j++) {
        var k = RQ * Math.sqrt(2 / (1 + SB0 * sb + CB0 * cb * second[j]));
        var c = Math.floor((4321000 + k * DD * cb * first[j]) / this.size);
        var r = Math.floor((3210000 + (k / DD) * (CB0 * sb - SB0 * cb * second[j])) / this.size);
        if (r !== row || c !== col) { row = r; col = c; at = this.at(r, c); }
        out[o++] = at;
      }
    }
  };
  /* The same in the native view. */
  cg.Cells.prototype.native = function (coords, w, out) {
    var step = 8192000 / (w * Math.pow(2, coords.z)), o = 0;
    for (var i = 0; i < w; i++) {
      var y = 8192000 - (coords.y * w + i + 0.5) * step, row = Math.floor(y / this.size), col = NaN, at = -1;
      for (var j = 0; j < w; j++) {
        var x = (coords.x * w + j + 0.5) * step;
        if (this.hex) {
          var p = cg.unlaea(x, y);
          out[o++] = this.find(p[0], p[1]);
          continue;
        }
        var c = Math.floor(x / this.size);
        if (c !== col) { col = c; at = this.at(row, c); }
        out[o++] = at;
      }
    }
  };
}(window.civigrid = window.civigrid || {}));
