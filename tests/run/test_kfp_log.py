"""Logs as a 2.14.3 backend writes them, and what is read out of them."""

from __future__ import annotations

import pytest

from fairlead.run.kfp_log import cached_execution, executor_output, fatal_words, own_words

STEP = """\
time="2026-11-21T16:49:48.290Z" level=info msg="capturing logs" argo=true
I1121 16:49:48.953600      16 main.go:61] Setting log level to: '1'
I1121 16:49:48.955108      16 cache.go:77] Connecting to cache endpoint 10.96.184.137:8887
hello
{
 "mine": {}
}
no newline hereI1121 16:49:49.377415      16 launcher_v2.go:877] ExecutorOutput: {
  "parameterValues": {
    "Output": 59
  },
  "artifacts": {
    "copy": {
      "artifacts": [
        {
          "metadata": {
            "letters": 59
          }
        }
      ]
    }
  }
}
I1121 16:49:49.378176      16 launcher_v2.go:528] outputArtifact in uploadOutputArtifacts call: %!(EXTRA string=)
I1121 16:49:50.030765      16 launcher_v2.go:181] publish success.
bye
time="2026-11-21T16:49:51.290Z" level=info msg="sub-process exited" argo=true error="<nil>"
"""
DRIVER = (
    "I1121 16:51:01.402358      14 container.go:153] Created execution: id:28  "
    'custom_properties:{key:"cache_fingerprint"  value:{string_value:"fab6"}}  '
    'custom_properties:{key:"cached_execution_id"  value:{string_value:"5"}}\n'
    "I1121 16:51:01.485698      14 container.go:177] Use cache for task make\n"
)
BROKEN = (
    "F1121 16:51:39.296026      17 main.go:104] KFP driver: driver.Container(pipelineName=probe, runID=8c, "
    'taskName="say-3", componentSpec) failed: failed to resolve inputs: No successful task found\n'
)


def test_a_step_s_own_words_are_what_is_left_without_the_launcher_s() -> None:
    assert own_words(STEP) == 'hello\n{\n "mine": {}\n}\nno newline herebye\n'


def test_the_outputs_are_read() -> None:
    found = executor_output(STEP)
    assert found is not None
    assert found["parameterValues"] == {"Output": 59}
    assert found["artifacts"]["copy"]["artifacts"][0]["metadata"] == {"letters": 59}


@pytest.mark.parametrize("text", ["", "hello\n", STEP[: STEP.index('"copy"')], "ExecutorOutput: {}\n"])
def test_a_log_that_is_cut_off_or_only_says_so_has_none(text: str) -> None:
    assert executor_output(text) is None


def test_what_was_reused_is_read_however_it_is_spaced() -> None:
    assert cached_execution(DRIVER) == "5"
    assert cached_execution(DRIVER.replace("  ", " ").replace("key:", "key: ")) == "5"
    assert cached_execution("nothing") == ""


def test_the_reason_is_told_without_what_is_around_it() -> None:
    assert fatal_words(BROKEN) == "failed to resolve inputs: No successful task found"
    exited = "F1121 16:51:39.296026 17 main.go:54] failed to execute component: exit status 3\n"
    assert fatal_words("I said\n" + exited) == "exit status 3"
    assert fatal_words(STEP) == ""
