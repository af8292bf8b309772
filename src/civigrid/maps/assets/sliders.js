/* Sliders: a year, minutes of travel, the values shown. */
(function (cg) {
  "use strict";

  /* A slider of so many stops, told in words. */
  function slider(parent, label, stops, at, say, moved) {
    var box = cg.part("div", "cg-slider", parent), id = cg.newId("slider"), input = document.createElement("input");
    var name = cg.part("label", "cg-slider-name", box, label);
    name.htmlFor = id; input.id = id;
    input.type = "range"; input.min = "0"; input.max = String(stops - 1); input.step = "1"; input.value = String(at);
    function tell() { input.setAttribute("aria-valuetext", say(Number(input.value))); }
    /* one picture a frame, however fast the hand is */
    var waits = false;
    input.addEventListener("input", function () {
      tell();
      if (waits) { return; }
      waits = true;
      window.requestAnimationFrame(function () { waits = false; moved(Number(input.value)); });
    });
    box.appendChild(input); tell();
    return { input: input, box: box, set: function (value) { input.value = String(value); tell(); } };
  }

  function both(layer, act) { [layer].concat(layer.linked || []).forEach(act); }

  /* Steps of time: the same layer shows one variable after another, with one set of classes. */
  cg.timeline = function (map, layer, steps, settings) {
    var panel = cg.panel(map, "bottomleft", "cg-timeline", settings.title || cg.word("timeline")), now = settings.start || 0, timer = null;
    var year = cg.part("output", "cg-year", panel.body, steps[now].label), row = cg.part("div", "cg-timeline-row", panel.body);
    year.setAttribute("aria-live", "polite");
    function stop() { if (timer) { window.clearInterval(timer); timer = null; play.textContent = "\u25b6"; told(); } }
    function told() { play.setAttribute("aria-label", cg.word(timer ? "pause" : "play")); play.setAttribute("aria-pressed", String(Boolean(timer))); }
    function show(k) {
      now = Math.max(0, Math.min(steps.length - 1, k));
      year.textContent = steps[now].label; line.set(now);
      back.disabled = now === 0; next.disabled = now === steps.length - 1;
      return layer.setVariable(steps[now].variable, steps[now]).then(function () { map.fire("civigridstep", { step: now }); });
    }
    var back = cg.button("cg-step", row, "\u2039", function () { stop(); show(now - 1); });
    var line = slider(row, cg.word("timeline"), steps.length, now, function (k) { return steps[k].label; }, function (k) { stop(); show(k); });
    line.box.classList.add("cg-wide"); line.box.firstChild.className = "cg-unseen";
    var next = cg.button("cg-step", row, "\u203a", function () { stop(); show(now + 1); });
    back.setAttribute("aria-label", cg.word("before")); next.setAttribute("aria-label", cg.word("after"));
    var play = cg.button("cg-step cg-play", row, "\u25b6", function () {
      if (timer) { stop(); return; }
      if (now === steps.length - 1) { show(0); }
      timer = window.setInterval(function () { if (now === steps.length - 1) { stop(); } else { show(now + 1); } }, settings.pause || 900);
      play.textContent = "\u275a\u275a"; told();
    });
    told();
    /* who asks for stillness moves step by step */
    play.hidden = cg.still();
    var marks = cg.part("div", "cg-ticks", panel.body);
    marks.setAttribute("aria-hidden", "true");
    steps.forEach(function (s, k) { if (steps.length < 8 || k === 0 || k === steps.length - 1) { cg.part("span", "", marks, s.label); } });
    back.disabled = now === 0; next.disabled = now === steps.length - 1;
    map.civigridTimeline = { show: show, now: function () { return now; }, stop: stop };
    return map.civigridTimeline;
  };

  /* Minutes of travel: what lies within is in full colour, and who that is stands beside it. */
  cg.threshold = function (map, layer, settings) {
    var panel = cg.panel(map, "bottomleft", "cg-threshold", settings.title), list = cg.part("ul", "cg-shares");
    function minutes(k) { return cg.valueText({ units: "min" }, settings.stops[k]); }
    function show(k) {
      var t = settings.stops[k];
      line.set(k); value.textContent = minutes(k); list.textContent = "";
      settings.groups.forEach(function (g) {
        var item = cg.part("li", "", list), share = g.all ? g.within[k] / g.all : 0, bar = cg.part("span", "cg-share");
        cg.part("span", "cg-share-name", item, g.name);
        cg.part("span", "cg-share-number", item, cg.percent(share, 1));
        item.appendChild(bar); cg.part("span", "", bar).style.width = 100 * share + "%";
        item.title = cg.word("within", { n: cg.number(g.within[k]), all: cg.number(g.all), percent: cg.percent(share, 1), t: minutes(k) });
        cg.part("span", "cg-unseen", item, item.title);
      });
      layer.chosen = null; layer.highlight = null;
      cg.setMask(layer, function (level, i) {
        var v = level.values[layer.name];
        return !v || cg.valueOf(v, i) <= t;
      });
    }
    var line = slider(panel.body, cg.word("threshold"), settings.stops.length, settings.start, minutes, show);
    var value = cg.part("output", "cg-slider-value", line.box.firstChild, minutes(settings.start));
    panel.body.appendChild(list);
    list.setAttribute("aria-live", "polite");
    layer.load().then(function () { show(settings.start); });
    map.civigridThreshold = { show: show };
    return map.civigridThreshold;
  };

  /* Two handles over the values of the layer that is shown; all at first. */
  cg.range = function (map, settings) {
    var panel = cg.panel(map, settings.position, "cg-range", cg.word("range")), active = null;
    function shown() {
      var found = null;
      map.eachLayer(function (l) { if (l.isCell && !l.unlisted && l.setRange && l.options.legend && l.options.legend.stops) { found = l; } });
      return found;
    }
    function build() {
      panel.body.textContent = "";
      var layer = active = shown(), stops = layer ? layer.options.legend.stops : [];
      panel.box.style.display = stops.length > 1 ? "" : "none";
      if (stops.length < 2) { return; }
      var about = layer.data.about[layer.name], last = stops.length - 1, ends = [0, last];
      function say(k) { return cg.valueText(about, stops[k]); }
      function move(which, k) {
        ends[which] = which ? Math.max(k, ends[0]) : Math.min(k, ends[1]);
        lines[which].set(ends[which]);
        var all = ends[0] === 0 && ends[1] === last;
        both(layer, function (l) { if (all) { l.setRange(null); } else { l.setRange(stops[ends[0]], stops[ends[1]]); } });
        track.style.setProperty("--from", 100 * ends[0] / last + "%"); track.style.setProperty("--to", 100 * ends[1] / last + "%");
        told.textContent = all ? cg.word("range_all") : count(layer, stops[ends[0]], stops[ends[1]], say(ends[0]), say(ends[1]));
      }
      var track = cg.part("div", "cg-double", panel.body);
      var lines = [0, 1].map(function (which) {
        var s = slider(track, cg.word(which ? "to" : "from"), stops.length, ends[which], say, function (k) { move(which, k); });
        s.box.firstChild.className = "cg-unseen"; s.box.className = "cg-handle";
        return s;
      });
      var told = cg.part("output", "cg-range-told", panel.body, "");
      told.setAttribute("aria-live", "polite");
      move(0, 0);
    }
    function count(layer, low, high, lowText, highText) {
      var level = layer.data.levels[0], v = level.values[layer.name], n = 0, all = 0;
      for (var i = 0; v && v.code && i < level.n; i++) {
        var x = cg.valueOf(v, i);
        if (x === x) { all += 1; if (x >= low && x <= high) { n += 1; } }
      }
      return cg.word("range_of", { low: lowText, high: highText, n: cg.number(n), all: cg.number(all) });
    }
    function change() { if (shown() !== active) { build(); } }
    function fresh(e) { if (!e.target.ranged) { return; } build(); }
    function listen(e) {
      if (e.layer.isCell && !e.layer.ranged) { e.layer.ranged = true; e.layer.on("variable", fresh); }
      if (e.layer.isCell) { Promise.resolve().then(change); }
    }
    map.eachLayer(function (l) { listen({ layer: l }); });
    map.on("layeradd layerremove", listen);
    build();
    return { build: build };
  };
}(window.civigrid = window.civigrid || {}));
