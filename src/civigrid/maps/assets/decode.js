/* Format 2 (docs/map_format.md): compact text back to ids and values. */
(function (cg) {
  "use strict";

  cg.format = 2;
  cg.stores = {};

  function bytesOf(text) {
    if (Uint8Array.fromBase64) { return Uint8Array.fromBase64(text); }
    var raw = atob(text), bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) { bytes[i] = raw.charCodeAt(i); }
    return bytes;
  }

  /* Packed text, or the name of a file that a server gives when it is first needed. */
  function inflate(text) {
    var body = text[0] === "@" ? fetch(text.slice(1)).then(function (r) {
      if (!r.ok) { throw new Error(text.slice(1) + ": " + r.status); }
      return r.body;
    }) : Promise.resolve(new Blob([bytesOf(text)]).stream());
    return body.then(function (stream) {
      return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
    }).then(function (buffer) { return new Uint8Array(buffer); });
  }

  /* Byte planes of differences, or of the numbers themselves, back to whole numbers of 32 bits at most. */
  function words(bytes, width, kind, plain) {
    var n = bytes.length / width, out = new kind(n), last = 0, keep = plain ? 0 : -1, i;
    if (width === 1) {
      for (i = 0; i < n; i++) { out[i] = last = ((last & keep) + bytes[i]) & 255; }
    } else if (width === 2) {
      for (i = 0; i < n; i++) { out[i] = last = ((last & keep) + (bytes[i] | bytes[n + i] << 8)) & 65535; }
    } else {
      var wide = width > 3, mask = wide ? -1 : 0xffffff;
      for (i = 0; i < n; i++) {
        last = ((last & keep) + (bytes[i] | bytes[n + i] << 8 | bytes[2 * n + i] << 16 | (wide ? bytes[3 * n + i] << 24 : 0))) & mask;
        out[i] = last;
      }
    }
    return out;
  }

  var KINDS = [null, Uint8Array, Uint16Array, Uint32Array, Uint32Array];

  function cellsOf(level, store) {
    return Promise.all([inflate(level.ids), level.more ? inflate(level.more) : null]).then(function (parts) {
      var more = parts[1] ? words(parts[1], 4, Int32Array) : new Int32Array(0);
      level.cells = new cg.Cells(level, store, words(parts[0], 4, Int32Array), more);
      level.ids = level.more = null;
    });
  }

  function valuesOf(v, n, decimals) {
    return Promise.all([inflate(v.data), v.status ? inflate(v.status) : new Uint8Array(n)]).then(function (parts) {
      v.code = words(parts[0], v.width, KINDS[v.width], v.plain); v.state = parts[1];
      v.scale = Math.pow(10, Math.abs(decimals)); v.coarse = decimals < 0;
      v.data = v.status = null;
    });
  }

  /* A value, or NaN where nothing is known. */
  cg.valueOf = function (v, i) {
    var code = v.code[i];
    if (!code) { return NaN; }
    return v.coarse ? (v.low + code - 1) * v.scale : (v.low + code - 1) / v.scale;
  };

  /* `need(name)` decodes the cells and one variable; `ready` resolves when everything is: once the first picture
     stands, or, where a server gives the values, when a cell is first asked for them (`all`). */
  cg.store = function (id, store) {
    var cells = null, wanted = {};
    store.need = function (name) {
      cells = cells || Promise.all(store.levels.map(function (level) { return cellsOf(level, store); }));
      wanted[name] = wanted[name] || Promise.all([cells].concat(store.levels.map(function (level) {
        return level.values[name] ? valuesOf(level.values[name], level.n, store.about[name].decimals) : null;
      })));
      return wanted[name];
    };
    var all = null, tell;
    store.ready = new Promise(function (resolve) { tell = resolve; });
    store.all = function () {
      all = all || Promise.all(Object.keys(store.about).map(store.need)).then(function () { store.done = true; tell(store); });
      return all;
    };
    if (store.levels[0].ids[0] !== "@") {
      (window.requestIdleCallback || function (f) { setTimeout(f, 50); })(store.all, { timeout: 500 });
    }
    cg.stores[id] = store;
    return store;
  };

  /* Ids of H3 cells as people write them, decoded when first asked for. */
  cg.codes = function (level) {
    level.codesReady = level.codesReady || inflate(level.codes).then(function (bytes) {
      level.codeBytes = bytes; level.codes = null;
    });
    return level.codesReady;
  };
  cg.h3Code = function (level, i) {
    var n = level.n, width = level.codeBytes.length / n, short = BigInt(0);
    for (var k = width - 1; k >= 0; k--) { short = short << BigInt(8) | BigInt(level.codeBytes[k * n + i]); }
    var rest = BigInt(3 * (15 - level.resolution)), one = BigInt(1);
    return (one << BigInt(59) | BigInt(level.resolution) << BigInt(52) | short << rest | (one << rest) - one).toString(16);
  };
}(window.civigrid = window.civigrid || {}));
