/* civigrid cell maps, format 1 (docs/map_format.md): ids and values travel, geometry is drawn here. */
(function () {
  "use strict";
  var stores = {};

  function inflate(text) {
    var raw = atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) { bytes[i] = raw.charCodeAt(i); }
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  /* Byte planes of delta-coded little-endian words, back to whole numbers. */
  function words(buffer, width) {
    var bytes = new Uint8Array(buffer), n = bytes.length / width, out = new Int32Array(n), last = 0;
    for (var i = 0; i < n; i++) {
      var word = 0;
      for (var k = 0; k < width; k++) { word |= bytes[k * n + i] << (8 * k); }
      if (width === 2) { word = (word << 16) >> 16; }
      last = (last + word) | 0;
      out[i] = width === 2 ? last & 0xffff : last;
    }
    return out;
  }

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

  function unpack(level, about) {
    var jobs = [inflate(level.ids).then(function (b) {
      var flat = words(b, 4);
      level.cells = about.kind === "square" ?
        new Squares({ cell_size_m: about.cell_size_m * level.factor }, flat) : new Shapes(about, flat);
    })];
    Object.keys(level.values).forEach(function (name) {
      var v = level.values[name];
      jobs.push(Promise.all([inflate(v.data), inflate(v.status)]).then(function (parts) {
        v.code = words(parts[0], v.width); v.state = new Uint8Array(parts[1]);
      }));
    });
    return Promise.all(jobs);
  }

  /* A value, or NaN where its status says that nothing is known. */
  function valueOf(v, i) {
    if (v.width === 2) { return v.code[i] === 4095 ? NaN : v.low + v.code[i] * v.step; }
    return v.code[i] === -2147483648 ? NaN : v.low + v.code[i] * v.step;
  }

  function store(id, about) {
    about.ready = Promise.all(about.levels.map(function (level) { return unpack(level, about); }));
    stores[id] = about;
    return about;
  }

  function rgb(hex) { return [1, 3, 5].map(function (k) { return parseInt(hex.substr(k, 2), 16); }); }

  var CellLayer = L.GridLayer.extend({
    initialize: function (id, options) {
      L.GridLayer.prototype.initialize.call(this, options);
      this.data = stores[id]; this.name = options.variable;
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

  function line(parent, left, right, strong) {
    var row = document.createElement("div"), a = document.createElement("span"), b = document.createElement("span");
    a.textContent = left; b.textContent = right;
    row.className = strong ? "cg-row cg-strong" : "cg-row";
    row.appendChild(a); row.appendChild(b); parent.appendChild(row);
  }

  /* Interval of a share of n people: Wilson (1927), 95 %. */
  function interval(share, n) {
    var z = 1.96, mid = (share + z * z / (2 * n)) / (1 + z * z / n);
    var half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return " (95 %: " + (100 * (mid - half)).toFixed(0) + " to " + (100 * (mid + half)).toFixed(0) + ")";
  }

  function written(about, x, status, words, people) {
    if (x !== x && about.words && status <= 2) { return "none"; }
    if (x !== x) { return status > 2 ? words[status] : (about.units === "min" ? "beyond the time searched" : "nobody lives here"); }
    if (about.words) { return about.words[x] + (status > 1 && words[status] ? " (" + words[status] + ")" : ""); }
    if (about.percent) { return (100 * x).toFixed(1) + " %" + (people >= 1 && about.base ? interval(x, people) : "") + (status > 1 && words[status] ? " (" + words[status] + ")" : ""); }
    var digits = about.units === "1" ? 3 : (about.units === "min" ? 1 : (about.whole ? 0 : 1));
    var text = x.toLocaleString(document.documentElement.lang || "en", { maximumFractionDigits: digits });
    var unit = about.units === "1" ? "" : " " + about.units;
    return text + unit + (status > 1 && words[status] ? " (" + words[status] + ")" : "");
  }

  function tooltip(map, words) {
    var box = L.DomUtil.create("div", "cg-tip", map.getContainer());
    box.setAttribute("role", "status"); box.setAttribute("aria-live", "polite");
    function show(event) {
      var active = null;
      map.eachLayer(function (l) { if (l.isCell) { active = l; } });
      if (!active || !active.data.done) { box.style.display = "none"; return; }
      var found = active.cellAt(event.latlng, map.getZoom());
      if (!found) { box.style.display = "none"; return; }
      box.textContent = "";
      if (found.code) { line(box, found.code, found.size >= 1000 ? found.size / 1000 + " km cell" : found.size + " m cell"); }
      active.data.order.forEach(function (name) {
        var about = active.data.about[name];
        line(box, about.long_name, written(about, found.values[name], found.status[name], words, found.values[about.base]), name === active.name);
      });
      box.style.display = "block";
      var p = event.containerPoint, size = map.getSize();
      box.style.left = Math.max(4, p.x + 14 + box.offsetWidth > size.x ? p.x - box.offsetWidth - 14 : p.x + 14) + "px";
      box.style.top = Math.max(4, Math.min(p.y + 14, size.y - box.offsetHeight - 4)) + "px";
    }
    map.on("mousemove click", show);
    map.on("mouseout", function () { box.style.display = "none"; });
  }

  /* A square of classes: the first variable to the right, the second upwards. */
  function twoway(box, about) {
    var t = about.twoway, n = t.right.length;
    L.DomUtil.create("div", "cg-legend-note", box).textContent = "\u2191 " + t.up_title;
    var grid = L.DomUtil.create("div", "cg-twoway", box);
    grid.style.gridTemplateColumns = "auto repeat(" + n + ", 1fr)";
    for (var r = t.up.length - 1; r >= 0; r--) {
      L.DomUtil.create("span", "cg-twoway-name", grid).textContent = t.up[r];
      for (var c = 0; c < n; c++) {
        var k = about.classes[r * n + c], cell = L.DomUtil.create("span", "cg-twoway-cell", grid);
        cell.style.background = k.color; cell.title = k.label; cell.textContent = k.count;
        cell.style.color = rgb(k.color)[1] > 130 ? "#1b1f24" : "#ffffff";
      }
    }
    L.DomUtil.create("span", "", grid);
    t.right.forEach(function (text) { L.DomUtil.create("span", "cg-twoway-name", grid).textContent = text; });
    L.DomUtil.create("div", "cg-legend-note", box).textContent = t.right_title + " \u2192";
  }

  function legend(map) {
    var control = L.control({ position: "bottomright" }), box = L.DomUtil.create("div", "cg-legend");
    control.onAdd = function () { return box; };
    control.addTo(map);
    L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box);
    function draw() {
      box.textContent = "";
      map.eachLayer(function (layer) {
        if (!layer.isCell && !layer.isSites) { return; }
        var about = layer.options.legend, head = L.DomUtil.create("div", "cg-legend-title", box);
        head.textContent = about.title;
        if (about.unit) { L.DomUtil.create("div", "cg-legend-note", box).textContent = about.unit; }
        if (about.twoway) { twoway(box, about); }
        (about.twoway ? [] : about.classes).forEach(function (c) {
          var row = L.DomUtil.create("div", "cg-class", box), swatch = L.DomUtil.create("span", "cg-swatch", row);
          swatch.style.background = c.color;
          if (layer.isSites) { swatch.style.borderRadius = "50%"; }
          L.DomUtil.create("span", "", row).textContent = c.label;
          if (c.count !== undefined) { L.DomUtil.create("span", "cg-count", row).textContent = c.count; }
        });
        if (about.missing) {
          var row = L.DomUtil.create("div", "cg-class", box);
          L.DomUtil.create("span", "cg-swatch cg-hatch", row);
          L.DomUtil.create("span", "", row).textContent = about.missing.label;
          L.DomUtil.create("span", "cg-count", row).textContent = about.missing.count;
        }
        if (about.empty) { L.DomUtil.create("div", "cg-legend-note", box).textContent = about.empty; }
        if (about.note) { L.DomUtil.create("div", "cg-legend-note", box).textContent = about.note; }
      });
    }
    map.on("layeradd layerremove", draw);
    draw();
  }

  function sites(records, options) {
    var group = L.layerGroup();
    records.forEach(function (r) {
      var color = options.legend.classes[r.k].color;
      var mark = L.circleMarker([r.lat, r.lon], { radius: 4, weight: 1, color: "#ffffff", fillColor: color, fillOpacity: 0.95 });
      var text = document.createElement("div");
      r.text.forEach(function (t, i) { var d = document.createElement("div"); d.textContent = t; if (!i) { d.className = "cg-strong"; } text.appendChild(d); });
      mark.bindTooltip(text);
      group.addLayer(mark);
    });
    group.isSites = true; group.options = options;
    return group;
  }

  window.civigrid = { format: 1, store: store, stores: stores, laea: laea, sites: sites, legend: legend, tooltip: tooltip,
    cellLayer: function (id, options) { return new CellLayer(id, options); },
    twoWayLayer: function (id, options) { return new TwoWayLayer(id, options); } };
}());
