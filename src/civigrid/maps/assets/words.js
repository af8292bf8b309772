/* Words and numbers of the page, in its language. */
(function (cg) {
  "use strict";
  var table = {}, formats = {}, plural = null;
  cg.lang = "en";

  /* What maps/words.py holds, once, before anything is drawn. */
  cg.useWords = function (lang, words) {
    cg.lang = lang; table = words; formats = {}; plural = null;
  };

  /* Words of a key; {name} is filled in once, so that a value with braces stays what it is. */
  cg.word = function (key, values) {
    var text = Object.prototype.hasOwnProperty.call(table, key) ? table[key] : key;
    return text.replace(/\{(\w+)\}/g, function (whole, name) {
      return values && values[name] !== undefined ? String(values[name]) : whole;
    });
  };
  cg.say = function (key) { return cg.word(key); };
  cg.hasWord = function (key) { return Object.prototype.hasOwnProperty.call(table, key); };

  cg.number = function (x, digits) {
    var key = digits === undefined ? 0 : digits;
    formats[key] = formats[key] || new Intl.NumberFormat(cg.lang, { maximumFractionDigits: key });
    return formats[key].format(x);
  };
  cg.percent = function (x, digits) {
    var key = "p" + digits;
    formats[key] = formats[key] || new Intl.NumberFormat(cg.lang,
      { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
    return formats[key].format(x);
  };

  /* A unit the table knows is said in the page's language, one of it in the singular; any other stays as it is. */
  cg.unit = function (units, x) {
    if (units === "1" || units === "class" || !units) { return ""; }
    plural = plural || new Intl.PluralRules(cg.lang);
    var one = "unit_" + units + "_" + plural.select(x);
    return cg.hasWord(one) ? cg.word(one) : (cg.hasWord("unit_" + units) ? cg.word("unit_" + units) : units);
  };

  function bare(about, x) {
    if (about.percent) { return cg.percent(x, 1); }
    return cg.number(x, about.units === "1" ? 3 : Math.min(1, Math.max(0, about.decimals)));
  }

  /* A value without a status: with its unit, or the word of its code. */
  cg.amount = function (about, x) {
    if (about.words) { return about.words[x] !== undefined ? about.words[x] : cg.number(x, 0); }
    var unit = about.percent ? "" : cg.unit(about.units, x);
    return bare(about, x) + (unit ? "\u00a0" + unit : "");
  };

  /* Why nothing is known, or that there is nothing. */
  cg.absence = function (about, status) {
    if (status > 2) { return cg.word("status_" + status); }
    return cg.word(about.words ? "none" : (about.units === "min" ? "beyond" : "nobody"));
  };

  /* A value in full: its amount, and its status where that says more.  Nothing is defined for cells together that
     have no sum and no mean. */
  cg.written = function (about, x, status) {
    if (x === undefined) { return cg.word("undefined"); }
    if (x !== x) { return cg.absence(about, status); }
    var text = cg.amount(about, x);
    return status > 1 && cg.hasWord("status_" + status) ?
      cg.word("with_status", { value: text, status: cg.word("status_" + status) }) : text;
  };

  /* Interval of a value: what its variables say, else that of a share of n people (Wilson 1927, 95 %). */
  cg.interval = function (data, name, values) {
    var about = data.about[name], x = values[name], bounds = about.interval;
    if (x === undefined || x !== x) { return ""; }
    if (bounds && isFinite(values[bounds[0]]) && isFinite(values[bounds[1]])) {
      return cg.word("interval", { low: bare(about, values[bounds[0]]), high: cg.amount(about, values[bounds[1]]) });
    }
    var n = about.base ? values[about.base] : NaN;
    if (!about.percent || !(n >= 1) || bounds) { return ""; }
    var z = 1.96, mid = (x + z * z / (2 * n)) / (1 + z * z / n);
    var half = z / (1 + z * z / n) * Math.sqrt(x * (1 - x) / n + z * z / (4 * n * n));
    return cg.word("interval_95", { low: cg.percent(Math.max(0, mid - half), 0), high: cg.percent(Math.min(1, mid + half), 0) });
  };
}(window.civigrid = window.civigrid || {}));
