/* The legend follows the layers that are shown. */
(function (cg) {
  "use strict";
  var rgb = cg.rgb;

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

  cg.legend = legend;
}(window.civigrid = window.civigrid || {}));
