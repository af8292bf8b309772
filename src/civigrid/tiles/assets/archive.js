"use strict";
// Tiles from a PMTiles archive (version 3), inside the page or beside it, or from a folder.

async function civigridUnzip(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class CivigridBytes {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  get more() { return this.at < this.bytes.length; }
  // numbers up to 2**53, by products: shifts are cut at 32 bits
  varint() {
    let value = 0, times = 1;
    for (;;) {
      const b = this.bytes[this.at++];
      value += (b & 127) * times;
      if (b < 128) return value;
      times *= 128;
    }
  }
  part() { const n = this.varint(); this.at += n; return this.bytes.subarray(this.at - n, this.at); }
}

class CivigridArchive {
  constructor(read) { this.read = read; this.leaves = new Map(); }

  async open() {
    const head = new DataView((await this.read(0, 127)).slice().buffer);
    const word = (k) => Number(head.getBigUint64(k, true));
    [this.leafAt, this.dataAt] = [word(40), word(56)];
    this.root = await this.directory(word(8), word(16));
    return this;
  }

  async directory(at, length) {
    const data = new CivigridBytes(await civigridUnzip(await this.read(at, length)));
    const n = data.varint(), entries = [];
    let id = 0;
    for (let k = 0; k < n; k++) { id += data.varint(); entries.push({ id }); }
    for (const e of entries) e.run = data.varint();
    for (const e of entries) e.size = data.varint();
    for (let k = 0; k < n; k++) {
      const v = data.varint();
      entries[k].at = v ? v - 1 : entries[k - 1].at + entries[k - 1].size;
    }
    return entries;
  }

  // along Hilbert's curve, after all tiles of lower zooms
  static id(z, x, y) {
    let d = (4 ** z - 1) / 3;
    for (let s = 2 ** (z - 1); s >= 1; s /= 2) {
      const rx = Math.floor(x / s) % 2, ry = Math.floor(y / s) % 2;
      d += s * s * ((3 * rx) ^ ry);
      x %= s; y %= s;
      if (!ry) { if (rx) { x = s - 1 - x; y = s - 1 - y; } [x, y] = [y, x]; }
    }
    return d;
  }

  async tile(z, x, y) {
    const id = CivigridArchive.id(z, x, y);
    let entries = this.root;
    for (let depth = 0; depth < 4; depth++) {
      let low = 0, high = entries.length;
      while (low < high) { const m = (low + high) >> 1; if (entries[m].id <= id) low = m + 1; else high = m; }
      const e = entries[low - 1];
      if (!e) return null;
      if (e.run) return id < e.id + e.run ? this.read(this.dataAt + e.at, e.size) : null;
      if (!this.leaves.has(e.at)) this.leaves.set(e.at, this.directory(this.leafAt + e.at, e.size));
      entries = await this.leaves.get(e.at);
    }
    return null;
  }
}

async function civigridRange(url, at, length) {
  const answer = await fetch(url, { headers: { Range: `bytes=${at}-${at + length - 1}` } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return answer.status === 206 ? bytes : bytes.subarray(at, at + length);
}

function civigridListed(about, z, x, y) {
  return !about.listed || ((about.listed[z] || {})[x] || []).includes(y);
}

// Gives a function from zoom, column and row to the bytes of a tile, or null.
async function civigridSource(about, inside) {
  if (inside) {
    const text = atob(inside), bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    const archive = await new CivigridArchive(async (at, n) => bytes.subarray(at, at + n)).open();
    return (z, x, y) => archive.tile(z, x, y);
  }
  if (!about.url.includes("{z}")) {
    const archive = await new CivigridArchive((at, n) => civigridRange(about.url, at, n)).open();
    return (z, x, y) => archive.tile(z, x, y);
  }
  return async (z, x, y) => {
    if (!civigridListed(about, z, x, y)) return null;
    const answer = await fetch(about.url.replace("{z}", z).replace("{x}", x).replace("{y}", y));
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
  };
}

// A layer of a Mapbox vector tile: {name, keys, values, features: [{id, tags, xy}]}; rings as this project writes them.
function civigridDecode(bytes) {
  const tile = new CivigridBytes(bytes);
  tile.varint();
  const data = new CivigridBytes(tile.part()), text = new TextDecoder();
  const layer = { name: "", keys: [], values: [], features: [] };
  while (data.more) {
    const tag = data.varint() >> 3;
    if (tag === 1) layer.name = text.decode(data.part());
    else if (tag === 2) layer.features.push(civigridFeature(new CivigridBytes(data.part())));
    else if (tag === 3) layer.keys.push(text.decode(data.part()));
    else if (tag === 4) layer.values.push(civigridValue(new CivigridBytes(data.part()), text));
    else data.varint();
  }
  return layer;
}

function civigridValue(data, text) {
  const tag = data.varint() >> 3;
  if (tag === 1) return text.decode(data.part());
  if (tag === 3) return new DataView(data.bytes.buffer, data.bytes.byteOffset + data.at, 8).getFloat64(0, true);
  const v = data.varint();
  return tag === 6 ? (v % 2 ? -(v + 1) / 2 : v / 2) : v;
}

function civigridFeature(data) {
  const found = { id: 0, tags: [], xy: [] };
  while (data.more) {
    const tag = data.varint() >> 3;
    if (tag === 1) found.id = data.varint();
    else if (tag === 3) data.varint();
    else {
      const part = new CivigridBytes(data.part());
      if (tag === 2) { while (part.more) found.tags.push(part.varint()); continue; }
      let x = 0, y = 0;
      while (part.more) {
        const command = part.varint();
        if ((command & 7) === 7) continue;
        for (let k = command >> 3; k > 0; k--) {
          const [a, b] = [part.varint(), part.varint()];
          x += (a >> 1) ^ -(a & 1); y += (b >> 1) ^ -(b & 1);
          found.xy.push(x, y);
        }
      }
    }
  }
  return found;
}
