"""The process that draws: lines of JSON in (a list of Vega-Lite specifications), lines of JSON out (a list of SVGs).

Apart from the server because vl-convert is a browser's engine: measured 0.4 s for its first plot, then 5-15 ms each,
130 MB, and it holds Python's lock while it draws. It imports nothing of the platform, and reads nothing but its input.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    import vl_convert  # noqa: PLC0415  (the process is up before its 20 MB are)

    for line in sys.stdin:
        drawn = []
        for spec in json.loads(line):
            try:
                drawn.append(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
            except ValueError as error:
                drawn.append(None)
                sys.stderr.write(f"{error}\n")
        sys.stdout.write(json.dumps(drawn) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
