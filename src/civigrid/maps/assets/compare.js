/* Two layers compared: a divider that is pushed, two maps with one view, their difference. */
(function (cg) {
  "use strict";

  /* What tells cells on the first map tells them on the second: called with the same words. */
  var tooltip = cg.tooltip, told = null, seconds = [];
  cg.tooltip = function (map) {
    told = Array.prototype.slice.call(arguments, 1);
    seconds.forEach(function (m) { tooltip.apply(null, [m].concat(told)); });
    return tooltip.apply(null, arguments);
  };

  function pane(map, name) {
    if (!map.getPane(name)) { map.createPane(name).style.zIndex = 250; }
    return map.getPane(name);
  }

  function place(layer, name) { layer.options.pane = name; return layer; }

  /* Two panes, each clipped at the divider: nothing is drawn again while it moves. */
  function swipe(map, left, right, settings) {
    var a = pane(map, "cg-left"), b = pane(map, "cg-right"), at = cg.middle(map).x / Math.max(1, map.getSize().x), waits = false;
    var bar = cg.part("div", "cg-swipe"), grip = cg.part("span", "cg-swipe-grip", bar);
    cg.part("span", "cg-swipe-name cg-swipe-left", bar, settings.labels[0]);
    cg.part("span", "cg-swipe-name cg-swipe-right", bar, settings.labels[1]);
    grip.setAttribute("aria-hidden", "true");
    bar.tabIndex = 0;
    bar.setAttribute("role", "slider"); bar.setAttribute("aria-orientation", "horizontal");
    bar.setAttribute("aria-valuemin", "0"); bar.setAttribute("aria-valuemax", "100");
    bar.setAttribute("aria-label", cg.word("divider", { left: settings.labels[0], right: settings.labels[1] }));
    function clip() {
      waits = false;
      var size = map.getSize(), p = map.containerPointToLayerPoint([0, 0]), q = map.containerPointToLayerPoint(size);
      var x = Math.round(p.x + size.x * at);
      function box(from, to) {
        return "polygon(" + [[from, p.y], [to, p.y], [to, q.y], [from, q.y]].map(function (c) { return c[0] + "px " + c[1] + "px"; }).join(",") + ")";
      }
      a.style.clipPath = box(p.x, x); b.style.clipPath = box(x, q.x);
      bar.style.transform = "translateX(" + Math.round(size.x * at) + "px)";
    }
    function soon() { if (!waits) { waits = true; window.requestAnimationFrame(clip); } }
    function move(fraction) {
      at = Math.max(0, Math.min(1, fraction));
      bar.setAttribute("aria-valuenow", String(Math.round(100 * at)));
      bar.setAttribute("aria-valuetext", cg.word("divided", { left: settings.labels[0], n: cg.number(100 * at) }));
      soon();
    }
    var steps = { ArrowLeft: -0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    bar.addEventListener("keydown", function (e) {
      if (steps[e.key] === undefined) { return; }
      move(at + steps[e.key] * (e.shiftKey ? 10 : 1));
      e.preventDefault(); e.stopPropagation();
    });
    bar.addEventListener("pointerdown", function (e) {
      bar.setPointerCapture(e.pointerId); bar.classList.add("cg-held");
      e.preventDefault(); bar.focus({ preventScroll: true });
    });
    bar.addEventListener("pointermove", function (e) {
      if (!bar.hasPointerCapture(e.pointerId)) { return; }
      var box = map.getContainer().getBoundingClientRect();
      move((e.clientX - box.left) / box.width);
    });
    function release() { bar.classList.remove("cg-held"); }
    bar.addEventListener("pointerup", release); bar.addEventListener("pointercancel", release);
    L.DomEvent.disableClickPropagation(bar); L.DomEvent.on(bar, "mousemove", L.DomEvent.stopPropagation);
    return {
      move: move, position: function () { return at; },
      on: function () {
        map.addLayer(place(left, "cg-left")); map.addLayer(place(right, "cg-right"));
        map.getContainer().appendChild(bar);
        /* what is pointed at is told of the side that is seen there */
        left.covers = function (p) { return p.x < map.getSize().x * at; };
        right.covers = function (p) { return p.x >= map.getSize().x * at; };
        map.on("move zoom resize viewreset", clip); move(at); clip();
      },
      off: function () {
        map.off("move zoom resize viewreset", clip);
        delete left.covers; delete right.covers;
        bar.remove(); a.style.clipPath = b.style.clipPath = "";
        map.removeLayer(left); map.removeLayer(right);
      }
    };
  }

  /* A second map beside the first, or below it where there is no room: one view, and what is pointed at on both. */
  function pair(map, left, right, settings) {
    var second = null, box = null, busy = false, names = [], crosses = [], listeners = [];
    /* Lines for orientation are on both maps, also those that are added later. */
    function copy(l) {
      if (l instanceof L.Polyline && l.options.interactive === false) { new L.Polyline(l.getLatLngs(), l.options).addTo(second); }
    }
    function added(e) { copy(e.layer); }
    /* The legend stands in the corner of both maps together; below the map, where a narrow page puts it, it stays. */
    function legend(from, to) {
      var key = from.querySelector(".leaflet-bottom.leaflet-right > .cg-legend");
      if (key) { to.querySelector(".leaflet-bottom.leaflet-right").insertBefore(key, to.querySelector(".leaflet-bottom.leaflet-right").firstChild); }
    }
    function layout() {
      var one = map.getContainer(), tall = one.parentNode.clientWidth < 640;
      one.parentNode.classList.toggle("cg-tall", tall);
      one.style.width = tall ? "100%" : "50%"; one.style.height = tall ? "50%" : "100%";
      box.style.left = one.offsetLeft + (tall ? 0 : one.offsetWidth) + "px";
      box.style.top = one.offsetTop + (tall ? one.offsetHeight : 0) + "px";
      box.style.width = one.offsetWidth + "px"; box.style.height = one.offsetHeight + "px";
      map.invalidateSize({ animate: false }); second.invalidateSize({ animate: false });
      follow(map, second);
    }
    function follow(from, to) {
      if (busy) { return; }
      busy = true; to.setView(from.getCenter(), from.getZoom(), { animate: false }); busy = false;
    }
    function listen(m, what, f) { m.on(what, f); listeners.push([m, what, f]); }
    function point(from, to, cross) {
      listen(from, "mousemove", function (e) {
        if (e.echo) { return; }
        var p = to.latLngToContainerPoint(e.latlng);
        cross.style.display = "block"; cross.style.transform = "translate(" + Math.round(p.x) + "px," + Math.round(p.y) + "px)";
        to.fire("mousemove", { latlng: e.latlng, containerPoint: p, layerPoint: to.latLngToLayerPoint(e.latlng), echo: true, originalEvent: e.originalEvent });
      });
      listen(from, "mouseout", function (e) { if (!e.echo) { cross.style.display = "none"; to.fire("mouseout", { echo: true }); } });
    }
    return {
      second: function () { return second; },
      on: function () {
        var one = map.getContainer();
        box = cg.part("div", "folium-map cg-second"); box.style.position = "absolute"; box.style.inset = "auto";
        one.parentNode.insertBefore(box, one.nextSibling);
        second = L.map(box, { crs: map.options.crs, zoomControl: false, attributionControl: false, preferCanvas: true,
          zoomAnimation: false, fadeAnimation: false, maxZoom: map.getMaxZoom(), minZoom: map.getMinZoom() });
        this.animated = map._zoomAnimated; map._zoomAnimated = false;
        seconds = [second];
        second.setView(map.getCenter(), map.getZoom(), { animate: false });
        delete left.options.pane; delete right.options.pane;
        map.addLayer(left); second.addLayer(right);
        map.eachLayer(copy); map.on("layeradd", added);
        names = [cg.part("span", "cg-side cg-side-left", one, settings.labels[0]), cg.part("span", "cg-side cg-side-right", box, settings.labels[1])];
        crosses = [cg.part("span", "cg-cross", one), cg.part("span", "cg-cross", box)];
        crosses.forEach(function (c) { c.setAttribute("aria-hidden", "true"); });
        listen(map, "move", function () { follow(map, second); }); listen(second, "move", function () { follow(second, map); });
        /* a cell pressed on the second map opens the card, which has the values of both */
        listen(second, "click", function (e) {
          map.fire("click", { latlng: e.latlng, containerPoint: map.latLngToContainerPoint(e.latlng), originalEvent: e.originalEvent });
        });
        point(map, second, crosses[1]); point(second, map, crosses[0]);
        window.addEventListener("resize", layout);
        layout();
        /* a map's own legend is made after its comparison */
        Promise.resolve().then(function () { if (second) { legend(one, box); } });
        if (told) { tooltip.apply(null, [second].concat(told)); }
      },
      off: function () {
        window.removeEventListener("resize", layout); map.off("layeradd", added);
        listeners.forEach(function (l) { l[0].off(l[1], l[2]); }); listeners = [];
        seconds = [];
        legend(box, map.getContainer());
        map.removeLayer(left); second.remove(); second = null; box.remove();
        names.concat(crosses).forEach(function (e) { e.remove(); });
        map._zoomAnimated = this.animated;
        map.getContainer().style.width = "100%"; map.getContainer().style.height = "100%";
        map.invalidateSize({ animate: false });
      }
    };
  }

  function difference(map, change) {
    return {
      on: function () { map.addLayer(change); },
      off: function () { map.removeLayer(change); }
    };
  }

  cg.compare = function (map, left, right, change, settings) {
    var panel = cg.panel(map, "bottomleft", "cg-compare", cg.word("compare")), now = null, buttons = {};
    var modes = { swipe: swipe(map, left, right, settings), pair: pair(map, left, right, settings) };
    if (change) { modes.difference = difference(map, change); }
    left.options.legend = settings.legend; left.linked = [right]; right.unlisted = true;
    var choice = cg.part("div", "cg-modes", panel.body);
    choice.setAttribute("role", "group"); choice.setAttribute("aria-label", cg.word("compare"));
    function choose(name) {
      if (now === name) { return; }
      if (now) { modes[now].off(); }
      now = name; modes[name].on();
      Object.keys(buttons).forEach(function (k) { buttons[k].setAttribute("aria-pressed", String(k === name)); });
    }
    Object.keys(modes).forEach(function (name) {
      buttons[name] = cg.button("cg-mode", choice, cg.word(name), function () { choose(name); });
    });
    var layers = [left, right].concat(change ? [change] : []);
    if (settings.table) { cg.gains(panel.body, layers, settings.table); }
    choose(settings.mode);
    map.civigridCompare = { choose: choose, mode: function () { return now; }, modes: modes, layers: layers };
    return map.civigridCompare;
  };
}(window.civigrid = window.civigrid || {}));
