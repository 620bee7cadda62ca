"""Rules of a home: the company's own beside the shipped ones, checked before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration import rules
from orchestration.importing import ADAPTERS_DIR
from orchestration.settings import SAMPLE_RULES

TARGETS = "kpi,period,valid_from,dimension,dimension_value,target\n"
CHANNELS = "channel,channel_rank,name_ja,name_en,is_online,is_paid\n"


def home_with(tmp_path: Path, **files: str) -> Path:
    """A home with files of rules; two underscores stand for a dot."""
    folder = tmp_path / "rules"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return tmp_path


def test_the_shipped_rules_are_right_and_hold_no_company() -> None:
    shipped = rules.defaults()
    own = {name for name, one in shipped.sets.items() if one.table.is_own}
    assert own >= {"kpi_targets", "initiatives", "journey_maps", "survey_questions"}
    for name, one in shipped.sets.items():
        assert one.origin == ("none" if name in own else "default"), name
        for row in one.rows:
            assert list(rules._wrong_values(one.table, row)) == [], name
        assert len({one.table.key_of(row) for row in one.rows}) == len(one.rows), name


def test_sample_and_adapters_bring_right_rules() -> None:
    for folder in (SAMPLE_RULES, *ADAPTERS_DIR.glob("*/rules")):
        assert rules.load(folder.parent).sets


def test_rows_are_added_take_places_or_all(tmp_path: Path) -> None:
    extended = home_with(
        tmp_path / "a",
        channels__csv=CHANNELS
        + "# ours\ndirect,1,直接,Typed in,true,false\nfax,99,ファックス,Fax,false,false\n",
        kpi_targets__csv=TARGETS + "visits,month,2026-01-01,all,all,100\n",
        billing_periods__replace__yml="- {billing_period: week, month_count: 1}\n",
        options__yml="session_timeout_minutes: 45\njourney_gap_days: 90\n",
    )
    found = rules.load(extended)
    channels = {row["channel"]: row for row in found.rows("channels")}
    shipped = rules.defaults().rows("channels")
    assert len(channels) == len(shipped) + 1 and channels["direct"]["name_en"] == "Typed in"
    assert [(found.sets[name].origin, found.sets[name].own_row_count) for name in
            ("channels", "kpi_targets", "billing_periods", "stages")] == [
        ("extended", 2), ("own", 1), ("replaced", 1), ("default", 0)]  # fmt: skip
    assert [row["billing_period"] for row in found.rows("billing_periods")] == ["week"]
    assert found.options == {"session_timeout_minutes": 45}  # the other is the default
    assert found.digest != rules.defaults().digest


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("kpi_target__csv", TARGETS, "there is no rule table kpi_target; did you mean kpi_targets"),
        ("kpi_targets__txt", TARGETS, "it has to be a file kpi_targets.csv"),
        ("kpi_targets__csv", TARGETS.replace("target\n", "targets\n"),
         "line 1: kpi_targets has no column 'targets'; did you mean target"),
        ("kpi_targets__csv", "kpi,period\n", "line 1: column valid_from, dimension"),
        ("kpi_targets__csv", TARGETS.replace(",", ";"), "line 1: columns are separated by commas"),
        ("kpi_targets__csv", "# a\n# b\n" + TARGETS + "visits,year,2026-01-01,all,all,1\n",
         "line 4: period = 'year' is not one of day, week, month"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-02-30,all,all,1\n",
         "line 2: valid_from = '2026-02-30' is no day"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,all,1\n" * 2,
         "line 3: kpi visits, period day, valid_from 2026-01-01, dimension all, "
         "dimension_value all stands in line 2 already; two rules hold at once"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,all,many\n",
         "line 2: target = 'many' is no number"),
        ("currency_rates__yml", "- {currency_code: USD, reporting_currency_code: JPY, "
         "rate_date: 2026-01-01, rate: 0}", "line 1: rate = '0' is not above 0"),
        ("currency_rates__yml", "- {currency_code: USX, reporting_currency_code: JPY, "
         "rate_date: 2026-01-01, rate: 1}", "currency_code = 'USX' is no ISO 4217 code"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,all,\n",
         "line 2: target is empty; fill it in"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,all\n",
         "line 2: 5 cells where the header has 6"),
        ("kpi_targets__csv", TARGETS + "visitors,day,2026-01-01,all,all,1\n",
         "kpi 'visitors' is unknown to kpi_definitions"),
        ("channels__csv", CHANNELS + "fax,99,ファックス,Fax,no,false\n",
         "line 2: is_online = 'no' is neither true nor false"),
        ("source_categories__csv", "source_pattern,source_category\n(a,search\n", "is no pattern"),
        ("channels__replace__csv", CHANNELS + "fax,99,ファックス,Fax,true,false\n",
         "seeds/activity_channels.csv: channel 'direct_mail', 'email'"),
        ("order_statuses__yml", "order_status: open\n", "line 1: rules are a list"),
        ("order_statuses__yml", "- {order_status: [open], is_owed: true}", "a single value"),
        ("order_statuses__yml", "- {order_status: open, is_owe: true}", "did you mean is_owed"),
        ("order_statuses__yml", "- {order_status: open", "not valid YAML"),
        ("options__yml", "session_timeout: 3\n", "did you mean session_timeout_minutes"),
        ("options__yml", "session_timeout_minutes: soon\n", "has to be a whole number"),
        ("options__yml", "attribution_path: first\n", "not one of exposure, unique"),
        ("options__yml", "- a\n", "options are `name: value`"),
    ],
)  # fmt: skip
def test_wrong_rules_name_file_line_and_remedy(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(rules.RulesError) as failed:
        rules.load(home_with(tmp_path, **{name: text}))
    assert message in str(failed.value)
    assert str(failed.value).startswith(("rules/" + name.split("__")[0], "seeds/"))


def test_rules_have_to_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "rules").touch()
    with pytest.raises(rules.RulesError, match="it is no folder"):
        rules.load(tmp_path)


def test_two_files_for_one_table_and_many_problems_are_told(tmp_path: Path) -> None:
    both = {"kpi_targets__csv": TARGETS, "kpi_targets__replace__csv": TARGETS}
    with pytest.raises(rules.RulesError, match=r"kpi_targets\.csv is there, too"):
        rules.load(home_with(tmp_path / "a", **both))
    many = TARGETS + "".join(f"visits,never,2026-01-01,all,v{n},1\n" for n in range(50))
    with pytest.raises(rules.RulesError, match=r"and 30 more") as failed:
        rules.load(home_with(tmp_path / "b", kpi_targets__csv=many))
    assert len(str(failed.value).splitlines()) == 21


def test_what_stands_in_a_cell_is_what_holds(tmp_path: Path) -> None:
    """The text `null` is a text, and an empty cell nothing; dbt takes both for nothing."""
    home = home_with(tmp_path, order_statuses__csv="order_status,is_owed\nnull,true\n")
    connection = duckdb.connect()
    rules.apply(connection, rules.load(home))
    for name, one in rules.load(home).sets.items():
        columns = ", ".join(f'"{column}"::varchar' for column in one.table.columns)
        stored = connection.execute(f'select {columns} from rules."{name}"').fetchall()
        for kind, column in enumerate(one.table.columns):
            if one.table.columns[column] == "varchar":
                assert sorted(str(row[kind]) for row in stored) == sorted(
                    str(row[column]) for row in one.rows
                ), (name, column)
    assert connection.execute(
        "select count(*) from rules.identifier_invalid_values where invalid_value = 'null'"
    ).fetchone() == (3,)


def test_rules_are_written_again_when_they_changed(tmp_path: Path) -> None:
    connection = duckdb.connect()
    rules.apply(connection, rules.defaults())
    rules.apply(connection, rules.load(home_with(
        tmp_path, kpi_targets__csv=TARGETS + "visits,day,2026-01-01,all,all,1\n",
        options__yml="path_steps: 7\n")))  # fmt: skip
    assert connection.execute(
        "select rule_table, origin, file_name, row_count, own_row_count from ops.rules "
        "where origin not in ('default', 'none') order by all"
    ).fetchall() == [
        ("kpi_targets", "own", "rules/kpi_targets.csv", 1, 1),
        ("options", "extended", "rules/options.yml", len(rules.default_options()), 1),
    ]
    assert connection.execute("select target from rules.kpi_targets").fetchall() == [(1.0,)]
    rules.apply(connection, rules.defaults())
    assert connection.execute("select count(*) from rules.kpi_targets").fetchone() == (0,)


def test_templates_are_right_rules_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    rules.main()
    assert "30 templates written" in capsys.readouterr().out
    assert rules.load(tmp_path).digest == rules.defaults().digest
    path = tmp_path / "rules" / "channels.csv"
    text = path.read_text("utf-8")
    assert "is_paid (boolean)" in text and "# direct,1,ダイレクト,Direct,true,false" in text
    # A default row, taken out of its comment, changes nothing; changed, it wins.
    path.write_text(text + "direct,1,ダイレクト,Direct,true,false\n", "utf-8")
    assert rules.load(tmp_path).digest == rules.defaults().digest
    rules.main()  # what is there stays
    assert "0 templates written" in capsys.readouterr().out
    assert path.read_text("utf-8").endswith("true,false\n")
