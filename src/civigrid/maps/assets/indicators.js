/* Many indicators of the same cells: a list of radio buttons with a search, one layer that switches at once. */
(function (cg) {
  "use strict";

  /* Words without accents and in small letters, so that a search finds what it means. */
  function plain(text) { return text.toLocaleLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, ""); }

  cg.indicators = function (map, layer, items, settings) {
    var panel = cg.panel(map, settings.position, "cg-indicators", settings.title || cg.word("indicators"));
    var field = cg.part("fieldset", "", panel.body), name = cg.newId("indicator"), rows = [], group = null;
    cg.part("legend", "cg-unseen", field, cg.word("indicators"));
    var search = null, told = null;
    if (items.length > settings.search_from) {
      search = cg.part("input", "cg-search", field);
      search.type = "search"; search.placeholder = cg.word("search"); search.setAttribute("aria-label", cg.word("search"));
      search.setAttribute("autocomplete", "off"); search.spellcheck = false;
      told = cg.part("output", "cg-legend-note", field);
    }
    var list = cg.part("div", "cg-indicator-list", field);
    items.forEach(function (item, k) {
      if (item.group && item.group !== group) {
        rows.push({ head: true, box: cg.part("div", "cg-indicator-group", list, item.group), group: item.group });
        group = item.group;
      }
      var row = cg.part("label", "cg-indicator", list), input = document.createElement("input");
      input.type = "radio"; input.name = name; input.value = String(k); input.checked = item.variable === layer.name;
      input.addEventListener("change", function () { choose(item.variable); });
      row.appendChild(input);
      cg.part("span", "", row, item.legend.title);
      rows.push({ box: row, input: input, group: item.group, text: plain([item.legend.title, item.variable, item.group || ""].join(" ")) });
    });
    function choose(variable) {
      var k = items.findIndex(function (item) { return item.variable === variable; });
      if (k < 0) { return Promise.resolve(); }
      rows.forEach(function (r) { if (r.input) { r.input.checked = r.input.value === String(k); } });
      return layer.setVariable(items[k].variable, items[k]);
    }
    function filter() {
      var words = plain(search.value).split(/\s+/).filter(Boolean), n = 0, seen = {};
      rows.forEach(function (r) {
        if (r.head) { return; }
        var hit = words.every(function (w) { return r.text.indexOf(w) >= 0; });
        r.box.hidden = !hit;
        if (hit) { n += 1; seen[r.group] = true; }
      });
      rows.forEach(function (r) { if (r.head) { r.box.hidden = !seen[r.group]; } });
      told.textContent = n ? cg.word("found", { n: cg.number(n), all: cg.number(items.length) }) : cg.word("none_found");
    }
    if (search) {
      search.addEventListener("input", filter);
      search.addEventListener("keydown", function (e) {
        var first = rows.filter(function (r) { return r.input && !r.box.hidden; })[0];
        if (e.key === "ArrowDown" && first) { first.input.focus(); e.preventDefault(); }
        if (e.key === "Enter" && first) { choose(items[Number(first.input.value)].variable); e.preventDefault(); }
        if (e.key === "Escape" && search.value) { search.value = ""; filter(); e.stopPropagation(); }
      });
      filter();
    }
    map.civigridIndicators = { choose: choose };
    return map.civigridIndicators;
  };
}(window.civigrid = window.civigrid || {}));
