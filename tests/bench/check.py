"""Whether a run of the benchmark has left all that it should: check.py DIRECTORY ROW..., with bench.json, the plots and a benchmark.md in it.

No verdict by time: what the figures are is none of its business, but they must be there, for graceshim in each row, and
for tini-static wherever a ratio is promised.
"""

import json
import os
import sys
import xml.etree.ElementTree

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))


def main(directory, rows):
    with open(os.path.join(HERE, "bench.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    with open(os.path.join(directory, "bench.json"), encoding="utf-8") as file:
        result = json.load(file)
    jsonschema.validate(result, schema)
    measured = {metric["row"] for metric in result["metrics"]}
    assert measured == set(rows), f"rows: {sorted(measured)}"
    names = {contender["name"] for contender in result["contenders"]}
    missing = {"graceshim", "tini-static", "tini", "dumb-init", "catatonit", "timeout", "start-stop-daemon", "floor"} - names
    assert not missing, f"not there: {missing}"
    for metric in result["metrics"]:
        figures = {figure["contender"] for figure in metric["figures"]}
        needed = {"graceshim"} | {target["beside"] for target in metric["targets"] if target["beside"]}
        assert needed <= figures, f"{metric['id']}: no figures of {needed - figures}"
        plot = xml.etree.ElementTree.parse(os.path.join(directory, metric["id"] + ".svg"))
        shown = {text.text for text in plot.iter("{http://www.w3.org/2000/svg}text")}
        assert figures <= shown, f"{metric['id']}.svg does not show {figures - shown}"
    with open(os.path.join(directory, "benchmark.md"), encoding="utf-8") as file:
        _, _, table = file.read().partition("<!-- benchmark: begin -->\n")
    table, _, rest = table.partition("<!-- benchmark: end -->\n")
    assert table.startswith(result["date"]) and rest, "benchmark.md has no table of this date"
    untold = [metric["title"] for metric in result["metrics"] if f"| {metric['title']} |" not in table]
    assert not untold, f"benchmark.md does not tell of {untold}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
