/* What the tools of a map share: numbers, elements, and a mask over cells. */
(function (cg) {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg", count = 0;

  /* A value to be read at a glance: three digits that count. */
  cg.short = function (x) {
    var size = Math.abs(x);
    return cg.number(x, size >= 100 || x === Math.round(x) ? 0 : (size >= 10 ? 1 : (size >= 1 ? 2 : 3)));
  };
  cg.valueText = function (about, x) {
    if (about && about.percent) { return cg.percent(x, Math.abs(x) < 0.1 ? 1 : 0); }
    return cg.short(x) + (about && about.units === "min" ? "\u00a0" + cg.unit("min", x) : "");
  };
  cg.svg = function (tag, attributes, parent) {
    var e = document.createElementNS(SVG, tag);
    Object.keys(attributes).forEach(function (k) { e.setAttribute(k, attributes[k]); });
    if (parent) { parent.appendChild(e); }
    return e;
  };
  cg.button = function (name, parent, text, act) { return cg.press(parent, text, act, name); };
  cg.newId = function (what) { count += 1; return "cg-" + what + "-" + count; };
  /* by the room of the map, of which a second map may have taken half */
  cg.small = function (map) { return map.getContainer().parentNode.clientWidth < 640; };

  /* A panel on the map that folds: its head is a button, its body keeps clicks and scrolling to itself. */
  cg.panel = function (map, position, name, title) {
    var control = L.control({ position: position }), box = cg.part("section", "cg-panel " + name);
    var head = cg.part("button", "cg-panel-head", box), body = cg.part("div", "cg-panel-body", box);
    cg.part("span", "cg-panel-title", head, title);
    cg.part("span", "cg-chevron", head).setAttribute("aria-hidden", "true");
    head.type = "button"; body.id = cg.newId("panel");
    head.setAttribute("aria-controls", body.id); box.setAttribute("aria-label", title);
    function fold(open) { body.hidden = !open; head.setAttribute("aria-expanded", String(open)); box.classList.toggle("cg-open", open); }
    head.addEventListener("click", function () { fold(body.hidden); });
    L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box);
    ["mousemove", "keydown"].forEach(function (what) { L.DomEvent.on(box, what, L.DomEvent.stopPropagation); });
    /* on a narrow page it stands below the map (access.js), where it hides nothing and is open */
    box.dataset.cgBelow = "";
    fold(!cg.small(map) || Boolean(document.getElementById("cg-below")) && window.matchMedia("screen and (max-width: 640px)").matches);
    control.onAdd = function () { return box; };
    control.addTo(map);
    return { box: box, body: body, head: head, fold: fold, control: control };
  };

  function paler(word) {
    function mix(shift) { return Math.round(236 + ((word >>> shift & 255) - 236) * 0.16); }
    return ((word >>> 24) << 24 | mix(16) << 16 | mix(8) << 8 | mix(0)) >>> 0;
  }
  /* Draw pale what a test of cells refuses; null: draw all alike.  Works on any layer that colours cell by cell. */
  cg.setMask = function (layer, test) {
    if (!layer.unmasked) {
      layer.unmasked = layer.colorOf;
      layer.colorOf = function (level, i) {
        var word = this.unmasked(level, i);
        if (!this.mask || this.mask(level, i)) { return word; }
        return cg.isColor(word) ? paler(word) : 1;
      };
    }
    layer.mask = test;
    layer.repaint();
  };
  cg.stateOf = function (layer, level, i) {
    var v = level.values[layer.name];
    return v ? v.state[i] : 0;
  };

  /* Pixels that panels cover: above by the title, to the right by legend and layers. */
  var COLUMN = 310;
  function covered(map) {
    var box = map.getContainer().getBoundingClientRect(), head = document.querySelector(".cg-head");
    var lies = head && head.getBoundingClientRect();
    return [lies && lies.bottom > box.top && lies.top < box.bottom ? lies.bottom - box.top : 0, map.getSize().x > 2 * COLUMN ? COLUMN : 0];
  }
  /* The middle of what they leave free. */
  cg.middle = function (map) {
    var size = map.getSize(), by = covered(map);
    return L.point((size.x - by[1]) / 2, (size.y + by[0]) / 2);
  };
  /* The whole picture, beside the panels where that costs no zoom: a title over the north hides who lives there. */
  cg.firstView = function (map, corners) {
    var bounds = L.latLngBounds(corners), by = covered(map), whole = map.getBoundsZoom(bounds);
    var best = [by, [0, by[1]], [by[0], 0], [0, 0]].filter(function (free) {
      return map.getBoundsZoom(bounds, false, L.point(free[1], free[0])) >= whole;
    })[0] || [0, 0];
    map.fitBounds(bounds, { paddingTopLeft: [0, best[0]], paddingBottomRight: [best[1], 0] });
  };
}(window.civigrid = window.civigrid || {}));
