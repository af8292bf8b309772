/* What a cell tells under the cursor. */
(function (cg) {
  "use strict";

  function line(parent, left, right, strong) {
    var row = document.createElement("div"), a = document.createElement("span"), b = document.createElement("span");
    a.textContent = left; b.textContent = right;
    row.className = strong ? "cg-row cg-strong" : "cg-row";
    row.appendChild(a); row.appendChild(b); parent.appendChild(row);
  }

  /* Interval of a share of n people: Wilson (1927), 95 %. */
  function interval(share, n) {
    var z = 1.96, mid = (share + z * z / (2 * n)) / (1 + z * z / n);
    var half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return " (95 %: " + (100 * (mid - half)).toFixed(0) + " to " + (100 * (mid + half)).toFixed(0) + ")";
  }

  function written(about, x, status, words, people) {
    if (x !== x && about.words && status <= 2) { return "none"; }
    if (x !== x) { return status > 2 ? words[status] : (about.units === "min" ? "beyond the time searched" : "nobody lives here"); }
    if (about.words) { return about.words[x] + (status > 1 && words[status] ? " (" + words[status] + ")" : ""); }
    if (about.percent) { return (100 * x).toFixed(1) + " %" + (people >= 1 && about.base ? interval(x, people) : "") + (status > 1 && words[status] ? " (" + words[status] + ")" : ""); }
    var digits = about.units === "1" ? 3 : (about.units === "min" ? 1 : (about.whole ? 0 : 1));
    var text = x.toLocaleString(document.documentElement.lang || "en", { maximumFractionDigits: digits });
    var unit = about.units === "1" ? "" : " " + about.units;
    return text + unit + (status > 1 && words[status] ? " (" + words[status] + ")" : "");
  }

  function tooltip(map, words) {
    var box = L.DomUtil.create("div", "cg-tip", map.getContainer());
    box.setAttribute("role", "status"); box.setAttribute("aria-live", "polite");
    function show(event) {
      var active = null;
      map.eachLayer(function (l) { if (l.isCell) { active = l; } });
      if (!active || !active.data.done) { box.style.display = "none"; return; }
      var found = active.cellAt(event.latlng, map.getZoom());
      if (!found) { box.style.display = "none"; return; }
      box.textContent = "";
      if (found.code) { line(box, found.code, found.size >= 1000 ? found.size / 1000 + " km cell" : found.size + " m cell"); }
      active.data.order.forEach(function (name) {
        var about = active.data.about[name];
        line(box, about.long_name, written(about, found.values[name], found.status[name], words, found.values[about.base]), name === active.name);
      });
      box.style.display = "block";
      var p = event.containerPoint, size = map.getSize();
      box.style.left = Math.max(4, p.x + 14 + box.offsetWidth > size.x ? p.x - box.offsetWidth - 14 : p.x + 14) + "px";
      box.style.top = Math.max(4, Math.min(p.y + 14, size.y - box.offsetHeight - 4)) + "px";
    }
    map.on("mousemove click", show);
    map.on("mouseout", function () { box.style.display = "none"; });
  }

  cg.tooltip = tooltip;
}(window.civigrid = window.civigrid || {}));
