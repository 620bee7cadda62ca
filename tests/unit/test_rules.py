"""Rules of a home: the company's own beside the shipped ones, checked before anything is loaded."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.loading.adapters import ADAPTERS_DIR
from orchestration.rules import checks, store, templates
from orchestration.rules import home as rules
from orchestration.rules.tables import default_options, tables
from orchestration.settings import DBT_PROJECT_DIR, SAMPLE_RULES, SEEDS_DIR

TARGETS = "kpi,period,valid_from,dimension,dimension_value,target\n"
KPIS = (
    "kpi,stage,name_ja,name_en,unit,scale,numerator_measure,denominator_measure,multiplier,"
    "minimum_denominator,direction,owner_department,parent_kpi,valid_from\n"
)
STAGES = "stage_model,stage,stage_rank,name_ja,name_en,valid_from\n"
MAPS = "persona,map_version,valid_from,name_ja,name_en,review_note\n"
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
            assert list(checks.wrong_values(one.table, row)) == [], name
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
        billing_periods__replace__yml="- {billing_period: week, month_count: 0, day_count: 7, "
        "periods_per_year: 52, tolerance_days: 1}\n",
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
         "line 2: kpi 'visitors' is unknown to kpi_definitions; did you mean visits?"),
        ("channels__csv", CHANNELS + "fax,99,ファックス,Fax,no,false\n",
         "line 2: is_online = 'no' is neither true nor false"),
        ("device_names__csv", "device_name_pattern,reason\n(a,search\n", "is no pattern"),
        ("channels__replace__csv", CHANNELS + "fax,99,ファックス,Fax,true,false\n",
         "seeds/activity_channels.csv: channel 'direct_mail', 'email'"),
        ("order_statuses__yml", "order_status: open\n", "line 1: rules are a list"),
        ("order_statuses__yml", "- {order_status: [open], is_owed: true}", "a single value"),
        ("order_statuses__yml", "- {order_status: open, is_owe: true}", "did you mean is_owed"),
        ("order_statuses__yml", "- {order_status: open", "not valid YAML"),
        ("order_statuses__yml", "- {order_status: a, order_status: b, is_owed: true}", "twice"),
        ("order_statuses__yml", "- {[a]: b, is_owed: true}", "a column has to be a single value"),
        ("order_statuses__yml", "- &a {order_status: a, is_owed: true}\n- *a", "in line 1 already"),
        ("order_statuses__yml", "[" * 3000, "not valid YAML"),
        ("options__yml", "path_steps: 2026-02-30\n", "line 1: path_steps cannot be read"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,all,１２\n", "is no number"),
        ("options__yml", "session_timeout: 3\n", "did you mean session_timeout_minutes"),
        ("options__yml", "session_timeout_minutes: soon\n", "has to be a whole number"),
        ("options__yml", "attribution_path: first\n", "line 1: attribution_path = 'first' is not"),
        ("options__yml", "- a\n", "line 1: options are `name: value`"),
        ("options__yml", "# ours\npath_steps: 5\npath_steps: 6\n",
         "line 3: path_steps stands in line 2 already"),
        ("options__yml", "path_steps: 5\na: [\n", "line 3: not valid YAML"),
        ("options__yml", "journey_gap_days: -1\n", "has to be from 1 to 36500"),
        ("options__yml", "attribution_half_life_days: 0\n", "has to be from 1 to 36500"),
        ("options__yml", "session_timeout_minutes: 9000000000\n", "from 1 to 525600"),
        ("options__yml", "path_steps: 10000\n", "from 1 to 9999"),
        ("kpi_definitions__csv", KPIS + "fans,advocacy,ファン,Fans,count,ratio,referrals,,1,,up,"
         "marketing,no_such_kpi,2026-01-01\n", "parent_kpi 'no_such_kpi' is unknown to kpi_def"),
        ("kpi_definitions__csv", KPIS + "fans,advocacy,ファン,Fans,pieces,ratio,referrals,,1,,up,"
         "marketing,,2026-01-01\n", "unit = 'pieces' is not one of count, share"),
        ("kpi_definitions__csv", KPIS + "fans,retention,ファン,Fans,count,ratio,referrals,,1,,up,"
         "marketing,,2026-01-01\n", "stage 'retention' is unknown to stages, stage_model six"),
        ("stages__replace__csv", STAGES + "six,reach,1,リーチ,Reach,2000-01-01\n",
         "seeds/stage_rules.csv: stage 'advocacy', 'awareness'"),
        ("stage_mappings__csv", "stage_model,canonical_stage,stage,valid_from\n"
         "five,use,loyalty,2026-01-01\n", "stage_model, stage 'five loyalty' is unknown to stages"),
        ("journey_map_steps__csv", "persona,map_version,aspect,step_number,step,maximum_days\n"
         "buyer,1,stage,1,purchase,3\n", "map_version 'buyer 1' is unknown to journey_maps"),
        ("journey_maps__csv", MAPS + "buyer,1,2026-01-01,地図,Map,\nbuyer,2,2026-01-01,地図,Map,\n",
         "rules/journey_maps.csv, line 3: two versions of persona buyer begin on 2026-01-01; the "
         "other is in rules/journey_maps.csv, line 2"),
        ("kpi_definitions__csv", KPIS + "fans,advocacy,ファン,Fans,count,ratio,likes,,1,,up,"
         "marketing,,2026-01-01\n", "line 2: numerator_measure 'likes' is unknown to kpi_measures"),
        ("kpi_measures__csv", "measure,judged_after,description\nlikes,,Likes\n",
         "line 2: measure likes is nothing that the models compute"),
        ("attribution_methods__yml", "- {method: best, method_version: 1, method_order: 9, "
         "name_ja: 最良, name_en: Best, valid_from: 2026-01-01}", "nothing that the models"),
        ("kpi_targets__csv", TARGETS + f"{'v' * 900},day,2026-01-01,all,all,1\n",
         f"'{'v' * 60}' is unknown"),
        ("stages__csv", STAGES + "six,reach,-1,リーチ,Reach,2026-01-01\n",
         "stage_rank = '-1' is below 0"),
        ("kpi_targets__csv", TARGETS + f"visits,day,2026-01-01,all,all,{10**20}\n",
         "is too large; it may have 14 digits before the point"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,all,2026,1\n", "the value all only"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,channels,email,1\n",
         "dimension = 'channels' is not one of all, channel, persona, device"),
        ("kpi_targets__csv", TARGETS + "visits,day,2026-01-01,channel,emial,1\n",
         "line 2: dimension_value 'emial' is unknown to channels; did you mean email?"),
        ("load_thresholds__yml", "- {source: tv, valid_from: 2026-01-01}", "line 1: column reject"),
        ("kpi_tree__csv", "decomposition,parent_kpi,child_kpi,child_role,child_order\n"
         "mine,revenue,visits,factor,3\n", "child_order = '3' is not one of 1, 2"),
        ("stages__csv", STAGES + "six,trial,3,試用,Trial,2026-01-01\n",
         "rules/stages.csv, line 2: stage_rank 3 of stage_model six is that of purchase already"),
        ("stages__csv", STAGES + "six,trial,7,試用,Trial,2026-01-01\n",
         "line 2: stage trial has no stage in stage_model six. Remedy: map it in"),
        ("stage_mappings__csv", "stage_model,canonical_stage,stage,valid_from\n"
         "five,use,consideration,2026-01-01\n",
         "line 2: use becomes consideration in stage_model five, which comes before the stage"),
        ("channels__replace__csv", CHANNELS, "channels.replace.csv: it holds no row, and would"),
        ("channels__replace__yml", "# nothing\n", "for none at all, write [] into rules/channels"),
    ],
)  # fmt: skip
def test_wrong_rules_name_file_line_and_remedy(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(rules.RulesError) as failed:
        rules.load(home_with(tmp_path, **{name: text}))
    assert message in str(failed.value)
    assert str(failed.value).startswith(("rules/" + name.split("__")[0], "seeds/"))


def test_none_of_the_shipped_rows_has_to_be_said(tmp_path: Path) -> None:
    home = home_with(tmp_path, traffic_exclusions__replace__yml="# nobody is excluded here\n[]\n")
    found = rules.load(home).sets["traffic_exclusions"]
    assert (found.rows, found.origin) == ((), "replaced")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("stage,1,purchase,0,,\nbuyer,1,stage,3,use,9,,", "line 3: the map of buyer, version 1, "
         "aspect stage, has no step 2. Remedy: count"),
        ("stage,1,advocacy,0,,\nbuyer,1,stage,2,repeat,9,,", "line 3: the map of buyer, version 1, "
         "aspect stage, has repeat after advocacy, which is no rise"),
        ("touchpoint_type,1,order,0,true,\n", "line 2: the map of buyer, version 1, aspect "
         "touchpoint_type, has optional steps only"),
    ],
)  # fmt: skip
def test_a_map_is_something_that_journeys_can_be_compared_with(
    tmp_path: Path, rows: str, message: str
) -> None:
    header = "persona,map_version,aspect,step_number,step,maximum_days,is_optional,is_repeatable\n"
    home = home_with(
        tmp_path,
        journey_maps__csv=MAPS + "buyer,1,2026-01-01,地図,Map,\n",
        journey_map_steps__csv=header + "buyer,1," + rows,
    )
    with pytest.raises(
        rules.RulesError, match=re.escape("rules/journey_map_steps.csv, " + message)
    ):
        rules.load(home)


def test_steps_of_a_map_are_stages_or_types_of_touchpoints(tmp_path: Path) -> None:
    steps = "persona,map_version,aspect,step_number,step,maximum_days\n"
    home = home_with(
        tmp_path,
        journey_maps__csv=MAPS + "buyer,1,2026-01-01,地図,Map,\n",
        journey_map_steps__csv=steps
        + "buyer,1,stage,1,order,3\nbuyer,1,touchpoint_type,1,order,3\n",
    )
    with pytest.raises(rules.RulesError, match="step 'order' is unknown to stages"):
        rules.load(home)


def test_decompositions_of_kpis_that_the_company_replaced_do_not_hold(tmp_path: Path) -> None:
    row = "visits,awareness,訪問数,Visits,count,ratio,sessions,,1,,up,marketing,,2000-01-01\n"
    found = rules.load(home_with(tmp_path, kpi_definitions__replace__csv=KPIS + row))
    assert found.rows("kpi_tree") == ()


def test_versioned_rules_say_how_they_hold() -> None:
    """By the day of what they are applied to, or the newest one for all history; in one home."""
    text = yaml.safe_load((SEEDS_DIR / "_seeds.yml").read_text("utf-8"))
    for seed in text["seeds"]:
        meta, columns = seed["config"]["meta"], seed["config"]["column_types"]
        assert ("valid_from" in columns) == ("version_of" in meta), seed["name"]
        assert ("holds_by" in meta) == ("version_of" in meta), seed["name"]
        assert meta.get("holds_by", "day") in ("day", "newest"), seed["name"]
        if "version_of" not in meta:
            continue
        for path in (DBT_PROJECT_DIR / "models").rglob("*.sql"):
            sql = path.read_text("utf-8")
            if f"ref('{seed['name']}')" in sql:
                # The version does not matter: which personas, KPIs with a target, days of targets.
                assert (seed["name"], path.stem) in {
                    ("journey_maps", "int_journey_paths_aggregated"),
                    ("kpi_targets", "kpi_coverage_findings"),
                    ("kpi_targets", "int_kpi_periods_valued"),
                }, (seed["name"], path.stem)
            calls = re.findall(rf"(\w+)\('{seed['name']}', (\[.*?\])\)", sql)
            for macro, rule in calls:
                assert ast.literal_eval(rule) == meta["version_of"], (seed["name"], path.stem)
                assert meta["holds_by"] == "day" or macro == "newest_version", path.stem


def test_rules_have_to_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "rules").touch()
    with pytest.raises(rules.RulesError, match="it is no folder"):
        rules.load(tmp_path)


def test_two_files_for_one_table_and_many_problems_are_told(tmp_path: Path) -> None:
    both = {"kpi_targets__csv": TARGETS, "kpi_targets__replace__csv": TARGETS}
    with pytest.raises(rules.RulesError, match=r"kpi_targets\.csv is there, too"):
        rules.load(home_with(tmp_path / "a", **both))
    many = TARGETS + "".join(f"visits,never,2026-01-01,persona,v{n},1\n" for n in range(50))
    with pytest.raises(rules.RulesError, match=r"and 30 more") as failed:
        rules.load(home_with(tmp_path / "b", kpi_targets__csv=many))
    assert len(str(failed.value).splitlines()) == 21


def test_what_stands_in_a_cell_is_what_holds(tmp_path: Path) -> None:
    """The text `null` is a text, and an empty cell nothing; dbt takes both for nothing."""
    home = home_with(tmp_path, order_statuses__csv="order_status,is_owed\nnull,true\n")
    connection = duckdb.connect()
    store.apply(connection, rules.load(home))
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
    store.apply(connection, rules.defaults())
    store.apply(connection, rules.load(home_with(
        tmp_path, kpi_targets__csv=TARGETS + "visits,day,2026-01-01,all,all,1\n",
        options__yml="path_steps: 7\n")))  # fmt: skip
    assert connection.execute(
        "select rule_table, origin, file_name, row_count, own_row_count from ops.rules "
        "where origin not in ('default', 'none') order by all"
    ).fetchall() == [
        ("kpi_targets", "own", "rules/kpi_targets.csv", 1, 1),
        ("options", "extended", "rules/options.yml", len(default_options()), 1),
    ]
    assert connection.execute("select target from rules.kpi_targets").fetchall() == [(1.0,)]
    store.apply(connection, rules.defaults())
    assert connection.execute("select count(*) from rules.kpi_targets").fetchone() == (0,)


def test_templates_are_right_rules_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEY_HOME", str(tmp_path))
    templates.run_init()
    assert f"{len(tables()) + 1} templates written" in capsys.readouterr().out
    assert rules.load(tmp_path).digest == rules.defaults().digest
    path = tmp_path / "rules" / "channels.csv"
    text = path.read_text("utf-8")
    assert "is_paid (boolean)" in text and "# direct,1,ダイレクト,Direct,true,false" in text
    # A default row, taken out of its comment, changes nothing; changed, it wins.
    path.write_text(text + "direct,1,ダイレクト,Direct,true,false\n", "utf-8")
    assert rules.load(tmp_path).digest == rules.defaults().digest
    templates.run_init()  # what is there stays
    assert "0 templates written" in capsys.readouterr().out
    assert path.read_text("utf-8").endswith("true,false\n")
