/* The map for everyone: names, words, tools, print; once a map, after its layers. */
(function (cg) {
  "use strict";

  /* Tools stand in the head of the page; a map without one gets them as a control of its own. */
  function tools(map) {
    var box = document.getElementById("cg-tools");
    if (!box) {
      var control = L.control({ position: "topleft" });
      box = cg.part("div", "cg-tools leaflet-bar");
      box.setAttribute("role", "group"); box.setAttribute("aria-label", cg.word("tools"));
      control.onAdd = function () { return box; };
      control.addTo(map);
      L.DomEvent.disableClickPropagation(box);
    }
    box.hidden = false;
    return box;
  }

  /* What Leaflet says in English is said in the page's language. */
  function names(map, title) {
    var box = map.getContainer();
    box.setAttribute("role", "region"); box.setAttribute("aria-label", cg.word("map", { title: title }));
    [["in", "zoom_in"], ["out", "zoom_out"]].forEach(function (pair) {
      var link = box.querySelector(".leaflet-control-zoom-" + pair[0]);
      if (link) { link.title = cg.word(pair[1]); link.setAttribute("aria-label", cg.word(pair[1])); }
    });
    var layers = box.querySelector(".leaflet-control-layers");
    if (layers) {
      layers.setAttribute("role", "group"); layers.setAttribute("aria-label", cg.word("layers"));
      layers.removeAttribute("aria-haspopup");
      layers.querySelector(".leaflet-control-layers-toggle").title = cg.word("layers");
    }
    var key = box.querySelector(".cg-legend");
    if (key) { key.setAttribute("role", "region"); key.setAttribute("aria-label", cg.word("legend")); key.tabIndex = 0; }
  }

  /* The words of the indicator that is shown describe the map. */
  function describe(map) {
    function now() {
      var layer = cg.top(map), box = map.getContainer();
      document.querySelectorAll("#cg-summary [data-variable]").forEach(function (part) {
        if (layer && part.dataset.variable === layer.name) { box.setAttribute("aria-describedby", part.id); }
      });
    }
    cg.onChange(map, now);
    now();
  }

  function quiet(map) {
    if (!cg.still()) { return; }
    map.options.inertia = false; map.options.fadeAnimation = map.options.zoomAnimation = false;
    map._fadeAnimated = map._zoomAnimated = false;
  }

  /* On a narrow page legend and layers stand below the map, where they hide nothing. */
  function reflow(map) {
    var below = document.getElementById("cg-below"), narrow = window.matchMedia("screen and (max-width: 640px)"), homes = new Map();
    if (!below) { return; }
    function place() {
      map.getContainer().querySelectorAll(".leaflet-control-layers, .cg-legend, [data-cg-below]").forEach(function (part) {
        homes.set(part, { box: part.parentNode, next: part.nextSibling });
      });
      homes.forEach(function (home, part) {
        if (narrow.matches) { below.appendChild(part); } else if (part.parentNode === below) { home.box.insertBefore(part, home.next); }
      });
      map.invalidateSize({ animate: false });
    }
    narrow.addEventListener("change", place);
    place();
  }

  /* One canvas for the tiles of a layer: between scaled tiles, paper shows hairlines.  A layer's clip stays its own. */
  function flatten(map) {
    var frame = map.getContainer().getBoundingClientRect(), ratio = Math.min(2, window.devicePixelRatio || 1), made = [];
    map.getContainer().querySelectorAll(".leaflet-tile-pane > .leaflet-layer").forEach(function (layer) {
      var whole = cg.part("canvas", "cg-flat"), ctx = whole.getContext("2d"), at = layer.getBoundingClientRect();
      whole.width = frame.width * ratio; whole.height = frame.height * ratio;
      whole.style.width = frame.width + "px"; whole.style.height = frame.height + "px";
      whole.style.left = frame.left - at.left + "px"; whole.style.top = frame.top - at.top + "px";
      ctx.scale(ratio, ratio); ctx.imageSmoothingEnabled = false;
      layer.querySelectorAll(".leaflet-tile").forEach(function (tile) {
        var r = tile.getBoundingClientRect();
        if (tile.width && r.width) { ctx.drawImage(tile, r.left - frame.left, r.top - frame.top, r.width, r.height); }
      });
      layer.appendChild(whole);
      made.push(whole);
    });
    return made;
  }

  /* Paper shows the picture as it is, as wide as the sheet, and the legend beneath it in full. */
  function print(map) {
    var box = map.getContainer(), frame = box.parentNode, key = box.querySelector(".cg-legend"), home = null, next = null, flat = [];
    var paper = document.getElementById("cg-paper");
    function before() {
      if (!paper || document.documentElement.classList.contains("cg-printing")) { return; }
      var size = map.getSize();
      flat = flatten(map);
      box.style.width = size.x + "px"; box.style.height = size.y + "px";
      document.documentElement.classList.add("cg-printing");
      frame.style.setProperty("--cg-wide", size.x); frame.style.setProperty("--cg-high", size.y);
      if (key) { home = key.parentNode; next = key.nextSibling; paper.insertBefore(key, paper.firstChild); }
    }
    function after() {
      if (!paper || !document.documentElement.classList.contains("cg-printing")) { return; }
      document.documentElement.classList.remove("cg-printing");
      flat.forEach(function (whole) { whole.remove(); });
      box.style.width = box.style.height = "";
      if (key) { home.insertBefore(key, next); }
      map.invalidateSize({ animate: false });
    }
    window.addEventListener("beforeprint", before);
    window.addEventListener("afterprint", after);
  }

  cg.access = function (map, about) {
    names(map, about.title);
    describe(map);
    quiet(map);
    print(map);
    reflow(map);
    if (!Object.keys(cg.stores).length) { return {}; }
    var box = tools(map), card = cg.card(map, about), table = cg.dataTable(map, about.title), cursor;
    table.card = card;
    var read = cg.press(box, cg.word("keyboard"), function () { if (cg.reading) { cursor.stop(); } else { cursor.start(); } });
    read.setAttribute("aria-pressed", "false");
    cg.press(box, cg.word("table"), function (event) { table.open(event.currentTarget); });
    cursor = cg.cursor(map, { card: card, table: table, button: read });
    return { card: card, table: table, cursor: cursor };
  };
}(window.civigrid = window.civigrid || {}));
