/* What lies under the cells. */
(function (cg) {
  "use strict";

  function under(map) {
    var pane = map.getPane("cg-under") || map.createPane("cg-under");
    pane.style.zIndex = 100;
    pane.style.pointerEvents = "none";
    return L.canvas({ pane: "cg-under", padding: 0.2 });
  }
  /* Differences of 1e-5 degrees, back to places. */
  function places(steps) {
    var lat = 0, lon = 0, out = [];
    for (var i = 0; i < steps.length; i += 2) {
      lat += steps[i]; lon += steps[i + 1];
      out.push([lat / 1e5, lon / 1e5]);
    }
    return out;
  }

  cg.background = function (map, shapes, looks, sea) {
    var renderer = under(map);
    if (sea) { map.getContainer().classList.add("cg-sea"); map.getContainer().style.background = sea; }
    shapes.forEach(function (s) {
      var look = looks[s.kind], options = { renderer: renderer, pane: "cg-under", interactive: false, smoothFactor: 0.5,
        stroke: !!look.line, color: look.line, weight: look.weight || 0, fill: !!look.fill, fillColor: look.fill, fillOpacity: 1 };
      if (s.areas.length) { L.polygon(s.areas.map(function (a) { return a.map(places); }), options).addTo(map); }
      if (s.lines.length) { L.polyline(s.lines.map(places), L.extend({}, options, { fill: false, stroke: true,
        color: look.line || look.fill })).addTo(map); }
    });
  };

  /* Nothing is asked of a server before its button is pressed. */
  cg.onlineBackground = function (map, url, host, words) {
    var control = L.control({ position: "bottomleft" }), box = L.DomUtil.create("div", "cg-online");
    var button = L.DomUtil.create("button", "cg-button", box), layer = null;
    function say() {
      var t = cg.say || function (s) { return s; };
      button.textContent = (layer ? t("Hide the background of ") : t("Show a background: this contacts ")) + host;
      button.setAttribute("aria-pressed", layer ? "true" : "false");
    }
    button.type = "button";
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.on(button, "click", function () {
      if (layer) { layer.remove(); layer = null; } else {
        under(map);
        layer = L.tileLayer(url, { pane: "cg-under", attribution: words, referrerPolicy: "no-referrer" }).addTo(map);
      }
      say();
    });
    say();
    control.onAdd = function () { return box; };
    control.addTo(map);
  };
}(window.civigrid = window.civigrid || {}));
