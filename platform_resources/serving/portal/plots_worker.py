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
        specs, drawn = json.loads(line), []
        try:
            for spec in specs:
                drawn.append(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
        failed = len(drawn) < len(specs)
        sys.stdout.write(json.dumps(drawn + [None] * (len(specs) - len(drawn))) + "\n")
        sys.stdout.flush()
        if failed:
            return  # an error of the engine may come back with the next plot: the next page gets another process


if __name__ == "__main__":
    main()
