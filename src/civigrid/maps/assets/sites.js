/* Services as circles. */
(function (cg) {
  "use strict";

  function sites(records, options) {
    var group = L.layerGroup();
    records.forEach(function (r) {
      var color = options.legend.classes[r.k].color;
      var mark = L.circleMarker([r.lat, r.lon], { radius: 4, weight: 1, color: "#ffffff", fillColor: color, fillOpacity: 0.95 });
      var text = document.createElement("div");
      r.text.forEach(function (t, i) { var d = document.createElement("div"); d.textContent = t; if (!i) { d.className = "cg-strong"; } text.appendChild(d); });
      mark.bindTooltip(text, { className: "cg-site" });
      group.addLayer(mark);
    });
    group.isSites = true; group.options = options;
    return group;
  }

  cg.sites = sites;
}(window.civigrid = window.civigrid || {}));
