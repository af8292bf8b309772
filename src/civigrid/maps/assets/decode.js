/* Format 1 (docs/map_format.md): compact text back to ids and values. */
(function (cg) {
  "use strict";

  cg.format = 1;
  cg.stores = {};

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

  function unpack(level, about) {
    var jobs = [inflate(level.ids).then(function (b) {
      var flat = words(b, 4);
      level.cells = about.kind === "square" ?
        new cg.Squares({ cell_size_m: about.cell_size_m * level.factor }, flat) : new cg.Shapes(about, flat);
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
    cg.stores[id] = about;
    return about;
  }

  cg.store = store;
  cg.valueOf = valueOf;
}(window.civigrid = window.civigrid || {}));
