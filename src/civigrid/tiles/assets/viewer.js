"use strict";
// A page to look at tiles: cells painted pixel by pixel, a legend of the level in sight, the values under the cursor.

const civigridHex = (c) => [1, 3, 5].map((k) => parseInt(c.slice(k, k + 2), 16));
const CIVIGRID_STRIPES = [[0x8c, 0x8c, 0x8c], [0xde, 0xde, 0xde]];

function civigridClass(classes, value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return -1;
  if (classes.zero && value === 0) return 0;
  let k = classes.zero ? 1 : 0;
  for (const b of classes.breaks) if (value >= b) k++;
  return k;
}

// A pixel is of the cell that holds its centre: the same rule as of the picture tiles.
function civigridPaint(features, part, size, put) {
  const unit = 4096 / part.n / size;
  features.forEach((f, index) => {
    const xy = f.xy, n = xy.length / 2;
    let top = Infinity, bottom = -Infinity;
    for (let k = 0; k < n; k++) { top = Math.min(top, xy[2 * k + 1]); bottom = Math.max(bottom, xy[2 * k + 1]); }
    const first = Math.max(0, Math.floor((top - part.y) / unit - 0.5));
    const last = Math.min(size - 1, Math.ceil((bottom - part.y) / unit));
    for (let py = first; py <= last; py++) {
      const y = part.y + (py + 0.5) * unit;
      let left = Infinity, right = -Infinity;
      for (let k = 0; k < n; k++) {
        const j = (k + 1) % n;
        let [xa, ya, xb, yb] = [xy[2 * k], xy[2 * k + 1], xy[2 * j], xy[2 * j + 1]];
        if (ya <= y === yb <= y) continue;
        if (ya > yb) [xa, ya, xb, yb] = [xb, yb, xa, ya];
        const x = xa + (y - ya) * ((xb - xa) / (yb - ya));
        left = Math.min(left, x); right = Math.max(right, x);
      }
      const a = Math.max(0, Math.ceil((left - part.x) / unit - 0.5));
      const b = Math.min(size, Math.ceil((right - part.x) / unit - 0.5));
      for (let px = a; px < b; px++) put(px, py, index);
    }
  });
}

function civigridColumn(layer, name) {
  const key = layer.keys.indexOf(name);
  return layer.features.map((f) => {
    for (let k = 0; k < f.tags.length; k += 2) if (f.tags[k] === key) return layer.values[f.tags[k + 1]];
    return null;
  });
}

const CivigridCells = L.GridLayer.extend({
  initialize(about, source, options) {
    this.about = about; this.source = source; this.variable = options.variable; this.cache = new Map(); this.seen = {};
    L.GridLayer.prototype.initialize.call(this, options);
  },

  layerTile(z, x, y) {
    const key = `${z}/${x}/${y}`;
    if (!this.cache.has(key)) {
      if (this.cache.size > 96) this.cache.delete(this.cache.keys().next().value);
      const load = async () => { const b = await this.source(z, x, y); return b && civigridDecode(await civigridUnzip(b)); };
      this.cache.set(key, load());
    }
    return this.cache.get(key);
  },

  createTile(coords, done) {
    const canvas = document.createElement("canvas"), size = 256 * Math.min(2, Math.ceil(window.devicePixelRatio || 1));
    canvas.width = canvas.height = size;
    const deep = Math.max(0, coords.z - this.about.maxzoom), n = 2 ** deep;
    const [x, y] = [Math.floor(coords.x / n), Math.floor(coords.y / n)];
    const part = { n, x: ((coords.x - x * n) * 4096) / n, y: ((coords.y - y * n) * 4096) / n };
    this.layerTile(coords.z - deep, x, y).then((layer) => {
      if (layer) this.seen[`${coords.z}/${coords.x}/${coords.y}`] = this.draw(canvas, layer, part, size);
      done(null, canvas);
    }, (error) => { done(error, canvas); this.fire("trouble", { error }); });
    return canvas;
  },

  draw(canvas, layer, part, size) {
    const context = canvas.getContext("2d"), image = context.createImageData(size, size);
    const of = this.about.layers[layer.name], classes = of && of.classes[this.variable];
    const index = new Int32Array(size * size).fill(-1);
    if (!classes) return { layer, index, size };
    const colors = classes.colors.map(civigridHex);
    const found = civigridColumn(layer, this.variable).map((v) => civigridClass(classes, v));
    civigridPaint(layer.features, part, size, (px, py, k) => {
      const at = py * size + px;
      const color = found[k] < 0 ? CIVIGRID_STRIPES[(px + py) % 8 < 3 ? 0 : 1] : colors[found[k]];
      index[at] = k;
      image.data.set(color, 4 * at);
      image.data[4 * at + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    return { layer, index, size };
  },

  at(latlng) {
    const z = this._tileZoom, point = this._map.project(latlng, z), x = Math.floor(point.x / 256), y = Math.floor(point.y / 256);
    const tile = this.seen[`${z}/${x}/${y}`];
    if (!tile) return null;
    const k = tile.size / 256, [px, py] = [Math.floor((point.x - 256 * x) * k), Math.floor((point.y - 256 * y) * k)];
    const feature = tile.layer.features[tile.index[py * tile.size + px]];
    if (!feature) return null;
    const values = {};
    for (let j = 0; j < feature.tags.length; j += 2) values[tile.layer.keys[feature.tags[j]]] = tile.layer.values[feature.tags[j + 1]];
    return { id: feature.id, layer: tile.layer.name, values };
  },
});

const CivigridPictures = L.GridLayer.extend({
  initialize(source, options) { this.source = source; L.GridLayer.prototype.initialize.call(this, options); },
  createTile(coords, done) {
    const image = document.createElement("img");
    image.alt = "";
    this.source(coords.z, coords.x, coords.y).then((bytes) => {
      if (bytes) image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      done(null, image);
    }, (error) => { done(error, image); this.fire("trouble", { error }); });
    return image;
  },
});

// Pictures in a folder: as elements they are read even where scripts may not read a file.
const CivigridFiles = L.GridLayer.extend({
  initialize(about, options) { this.about = about; L.GridLayer.prototype.initialize.call(this, options); },
  createTile(coords, done) {
    const image = document.createElement("img"), { z, x, y } = coords;
    image.alt = "";
    image.onload = () => done(null, image);
    image.onerror = () => done(new Error("a picture is missing"), image);
    if (civigridListed(this.about, z, x, y)) image.src = this.about.url.replace("{z}", z).replace("{x}", x).replace("{y}", y);
    else setTimeout(() => done(null, image));
    return image;
  },
});

// Metres of a projected CRS as the map's plane: northing is its latitude, easting its longitude.
function civigridCrs(about) {
  if (about.crs === "EPSG:3857") return L.CRS.EPSG3857;
  const a = 1 / about.size_m;
  return L.extend({}, L.CRS.Simple, {
    transformation: new L.Transformation(a, -a * about.left, -a, a * about.top),
    scale: (zoom) => 256 * 2 ** zoom,
    zoom: (scale) => Math.log2(scale / 256),
  });
}

function civigridElement(tag, text, into, name) {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  if (name) e.className = name;
  into.append(e);
  return e;
}

function civigridNumber(value, of) {
  if (typeof value !== "number") return "not known";
  const text = value.toLocaleString("en", { maximumFractionDigits: 6 });
  return of.units === "1" ? text : `${text} ${of.units}`;
}

async function civigridStart() {
  const about = JSON.parse(document.getElementById("civigrid-about").textContent);
  const inside = document.getElementById("civigrid-tiles");
  const says = document.getElementById("says"), legend = document.getElementById("legend");
  const trouble = (error) => {
    says.textContent = location.protocol === "file:"
      ? "These tiles are too large to stand in the page, and a page opened from a folder may not read them: open it through a web server."
      : `The tiles cannot be read: ${error.message}`;
  };
  const map = L.map("map", { crs: civigridCrs(about), attributionControl: false, minZoom: about.minzoom, maxZoom: about.maxzoom + 6 });
  window.civigridMap = map;
  map.fitBounds(about.box);
  const pictures = about.kind === "png", options = { minZoom: about.minzoom, noWrap: about.crs !== "EPSG:3857" };
  const choose = document.getElementById("variable");
  for (const [name, of] of Object.entries(about.variables)) civigridElement("option", of.long_name, choose).value = name;
  let cells;
  try {
    if (pictures && !inside && about.url.includes("{z}")) {
      cells = new CivigridFiles(about, { ...options, maxNativeZoom: about.maxzoom, maxZoom: about.maxzoom + 6 });
    } else {
      const source = await civigridSource(about, inside && inside.textContent.trim());
      cells = pictures
        ? new CivigridPictures(source, { ...options, maxNativeZoom: about.maxzoom, maxZoom: about.maxzoom + 6 })
        : new CivigridCells(about, source, { ...options, variable: choose.value, maxZoom: about.maxzoom + 6 });
    }
  } catch (error) { trouble(error); return; }
  cells.on("trouble", (e) => trouble(e.error));
  cells.addTo(map);
  window.civigridCells = cells;

  const tell = () => {
    const z = Math.min(map.getZoom(), about.maxzoom);
    const entry = Object.values(about.layers).find((l) => l.minzoom <= z && z <= l.maxzoom);
    legend.replaceChildren();
    const of = about.variables[choose.value], classes = entry && entry.classes[choose.value];
    civigridElement("h2", `${of.long_name}${of.units === "1" ? "" : ` (${of.units})`}`, legend);
    if (entry) civigridElement("p", `Cells: ${entry.grid}${classes ? "" : ". Not told on cells this large: it cannot be averaged. Zoom in."}`, legend);
    const list = civigridElement("ul", "", legend);
    (classes ? classes.labels : []).forEach((label, k) => {
      const line = civigridElement("li", "", list);
      civigridElement("span", "", line, "shade").style.background = classes.colors[k];
      civigridElement("span", label, line);
    });
    const line = civigridElement("li", "", list);
    civigridElement("span", "", line, "shade hatch");
    civigridElement("span", "missing or withheld", line);
    if (of.source) civigridElement("p", `${of.source} ${of.reference_date}`, legend);
  };
  map.on("zoomend", tell);
  choose.addEventListener("change", () => { cells.variable = choose.value; cells.seen = {}; cells.redraw(); tell(); });
  const show = (latlng) => {
    const found = cells.at && cells.at(latlng), of = about.variables[choose.value];
    if (!found) { says.textContent = ""; return; }
    const status = found.values[`${choose.value}_status`];
    says.textContent = `${of.long_name}: ${civigridNumber(found.values[choose.value], of)}${status ? ` (${status})` : ""}, cell ${found.id} of ${found.layer}`;
  };
  map.on("mousemove", (e) => show(e.latlng));
  map.on("moveend", () => { if (document.activeElement === map.getContainer()) show(map.getCenter()); });
  tell();
}
document.addEventListener("DOMContentLoaded", civigridStart);
