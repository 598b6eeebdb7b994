"""`--fix G.n`: one of pernet's fixes in `small`, to look behind a known defect."""

from __future__ import annotations

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.kernel.fixes import FIXES
from rtnl_model.lab.catalogue import entry
from rtnl_model.lab.model_run import ModelSetting, WrongSetting, record

UPPERS_ELSEWHERE = entry("G.25").scenario


def tags(setting: ModelSetting) -> list[str]:
    """The tag of each finding of a run."""
    findings = record(parse_script(UPPERS_ELSEWHERE, "uppers"), setting).findings
    return [finding["tag"] for finding in findings]


def test_small_has_a_known_defect_until_its_fix_is_added() -> None:
    """Tagged as known without the fix; nothing is found with it."""
    without = tags(ModelSetting())
    with_it = tags(ModelSetting(fixes=("G.25",)))

    assert {"known:G.25"} == set(without)
    assert with_it == []


def test_another_fix_does_not_help() -> None:
    """The defect is still there, and still a known one."""
    assert {"known:G.25"} == set(tags(ModelSetting(fixes=("G.24",))))


def test_an_unknown_fix_is_named_with_what_there_is() -> None:
    """The message lists every fix."""
    with pytest.raises(WrongSetting) as error:
        ModelSetting(fixes=("G.26x",)).check()

    assert "unknown fix 'G.26x'" in str(error.value)
    for fix in FIXES:
        assert fix.id in str(error.value)


@pytest.mark.parametrize("regime", ["global", "pernet", "naive"])
def test_fixes_are_for_small_only(regime: str) -> None:
    """pernet has them, the others have nothing that they mend."""
    with pytest.raises(WrongSetting, match=f"--fix is for --rtnl small, not {regime}"):
        ModelSetting(rtnl=regime, fixes=("G.12",)).check()
