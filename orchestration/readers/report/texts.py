"""The words of the report in both languages, its glossary, and reasons of quarantine in words."""

from __future__ import annotations

import re

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("カスタマージャーニー レポート", "Customer journey report"),
    "synthetic": (
        "合成サンプル：実在の人物・企業のデータではありません",
        "Synthetic sample data: nobody and nothing in it exists",
    ),
    "as_of": ("基準時点", "As of"),
    "release": ("リリース", "Release"),
    "checks": ("検査合格", "checks passed"),
    "warnings": ("警告", "Warnings"),
    "stale": (
        "更新が止まったデータ：{source}（{day}まで）",
        "Stale source: {source}, through {day}",
    ),
    "web": ("ウェブ", "web"),
    "crm": ("CRM", "CRM"),
    "survey": ("アンケート", "surveys"),
    "persona": ("顧客", "Customers"),
    "channel": ("最初のチャネル", "First channel"),
    "period": ("期間", "Period"),
    "model": ("ステージ", "Stages"),
    "everybody": ("すべて", "All"),
    "(not set)": ("属性未設定", "Not known"),
    "(other)": ("その他", "Other"),
    "(any)": ("全顧客の設計", "The map for all"),
    "(overall)": ("全体の評価", "Overall rating"),
    "(purchase)": ("購入", "Purchase"),
    "3": ("直近3か月", "3 months"),
    "6": ("直近6か月", "6 months"),
    "12": ("直近12か月", "12 months"),
    "all": ("全期間", "All time"),
    "six": ("6段階", "Six"),
    "five": ("5段階", "Five"),
    "four": ("4段階", "Four"),
    "lost_head": ("最も多く失っているところ", "Where most people are lost"),
    "pain_head": ("最も不満が大きいところ", "What hurts most"),
    "first_head": ("まず着手するところ", "What to do first"),
    "lost_is": (
        "「{persona}」の{stage}：{judged}人中{lost}人（{share}）が30日以内に次へ進みませんでした。{money}",
        "{persona} at {stage}: {lost} of {judged} people ({share}) did not go on within 30 days. "
        "{money}",
    ),
    "lost_some": (
        "「{persona}」の{stage}：{lost}人が30日以内に次へ進みませんでした。{money}",
        "{persona} at {stage}: {lost} people did not go on within 30 days. {money}",
    ),
    "at_least": ("{n}以上", "≥ {n}"),
    "lost_money": ("金額にして{money}です。", "That is {money} at stake."),
    "pain_is": (
        "「{persona}」の{stage}・{touchpoint}：{answers}件の回答のうち{dissatisfied}件（{share}）が"
        "不満です。満足度は100点中{score}点。",
        "{persona} at {stage}, {touchpoint}: {dissatisfied} of {answers} answers ({share}) are "
        "dissatisfied; the mean score is {score} of 100.",
    ),
    "pain_none": (
        "表示できるだけの回答がありません。",
        "No answers that may be shown say what hurts.",
    ),
    "first_is": (
        "「{persona}」の{stage}・{touchpoint}：失った人・不満・金額を合わせた損失の{part}を占めます"
        "（{people}{money}）。",
        "{persona} at {stage}, {touchpoint}: {part} of all that is lost in people, satisfaction "
        "and money together ({people}{money}).",
    ),
    "first_people": ("{lost}人が離脱", "{lost} people left"),
    "first_dissatisfied": ("{dissatisfied}件が不満", "{dissatisfied} dissatisfied answers"),
    "first_money": ("、{money}", ", {money} at stake"),
    "tried": ("施策「{initiative}」：{verdict}。", "Initiative “{initiative}”: {verdict}."),
    "a_day": ("/日", " a day"),
    "rank_dissatisfied_is": (
        "右の割合は、見込みを超えた不満の全体に占める割合です。",
        "The share on the right is of all dissatisfaction beyond what was to be expected.",
    ),
    "rank_lost_is": (
        "右の割合は、離脱した人の全体に占める割合です。",
        "The share on the right is of all people who left.",
    ),
    "rank_money_is": (
        "右の割合は、失った金額の全体に占める割合です。",
        "The share on the right is of all money at stake.",
    ),
    "rank_together_is": (
        "右の割合は、人・不満・金額それぞれの割合の平均です。",
        "The share on the right is the mean of the shares of people, dissatisfaction and money.",
    ),
    "none_first": (
        "離脱や不満のある接点はありません。",
        "No touchpoint stands out by people who left or are dissatisfied.",
    ),
    "none_lost": ("該当する離脱はありません。", "Nobody is lost."),
    "no_split": (
        "この図は{what}では分けられません。",
        "This cannot be split by {what}.",
    ),
    "journey": ("ジャーニーマップ", "Journey map"),
    "journey_lead": (
        "到達した人のうち、30日以内に次へ進んだ人の割合を同じ基準で比べます。到達から30日たって"
        "いない人は「判定前」です。属性は先へ進むほど判明するため、「属性未設定」の割合はほかより低く"
        "なります。",
        "Of the people who reached a stage, the share that went on within 30 days; who reached it "
        "less than 30 days ago is still open. Who somebody is becomes known by going on, so the "
        "rate of those not known is below the others.",
    ),
    "wants": ("顧客の期待", "What they want"),
    "known_issue": ("既知の課題：{issue}", "Known issue: {issue}"),
    "does": ("顧客の行動", "What they do"),
    "reached": ("到達した人", "Reached"),
    "went_on": ("30日以内に次へ", "Went on in 30 days"),
    "went": ("次へ進んだ", "Went on"),
    "late": ("うち後日進んだ", "Of them later"),
    "lost": ("進まなかった", "Did not go on"),
    "open": ("判定前", "Still open"),
    "left": ("離脱", "Left"),
    "days": ("中央値{days}日", "median {days} days"),
    "trend": ("前期間比", "against the period before"),
    "points": ("ポイント", "points"),
    "kpis": ("KPIと目標", "KPI and target"),
    "target": ("目標", "target"),
    "feeling": ("満足度と期待", "Satisfaction"),
    "satisfaction": ("満足度", "Satisfaction"),
    "expectation": ("期待値", "Expectation"),
    "experience": ("体験", "Experience"),
    "pains": ("ペインポイント（課題）", "Pain points"),
    "pains_lead": (
        "企業内の手続き・支払い・アンケート回答は顧客の課題に数えません。不満は、同じ顧客層のほかの"
        "回答から見込まれる数を超えた分で順位を付けます。",
        "Steps inside the company, payments and answers are no pains. Dissatisfaction is ranked by "
        "what goes beyond the rate of the same persona's other answers.",
    ),
    "rank_dissatisfied": ("不満の順", "By dissatisfaction"),
    "rank_lost": ("失った人の順", "By people lost"),
    "rank_money": ("金額の順", "By money"),
    "rank_together": ("総合の順", "All together"),
    "initiatives": ("施策", "Initiatives"),
    "design": ("設計との差", "Design and reality"),
    "skipped": ("飛ばした", "skipped it"),
    "late_map": ("遅れた", "were late"),
    "improved": ("改善", "improved"),
    "worsened": ("悪化", "worsened"),
    "not_shown": ("効果は確認できず", "no effect shown"),
    "not_comparable": ("比較できない", "not comparable"),
    "running": ("実施中", "running"),
    "flows": ("どこへ進み、どこで離れるか", "Where people go, and where they leave"),
    "flows_lead": (
        "太さは人数です。戻ってきた人は「復帰」から入ります。「先のステージ」は行き先の内訳を表示でき"
        "ない人です。",
        "The width is people. Who comes back after a lapse enters from “Returned”. Of “Later "
        "stages” it may not be shown which.",
    ),
    "entered": ("新規", "New"),
    "returned": ("復帰", "Returned"),
    "later_stages": ("先のステージ", "Later stages"),
    "paths": ("購入までの道のり", "Paths to purchase"),
    "paths_lead": (
        "購入に至ったジャーニーが最初に通った3つまでのチャネル。中心が入口です。",
        "The first three channels of journeys with a purchase; the centre is where they began.",
    ),
    "cohorts": ("リピートのコホート", "Cohorts"),
    "cohorts_lead": (
        "初回購入の月ごとに、その後の各月に再び注文した人の割合。",
        "By month of the first purchase: the share that ordered again in each later month.",
    ),
    "value": ("価値ジャーニー", "Value journey"),
    "value_lead": (
        "どの段階で契約し、請求し、納品し、入金されるか。日数は契約からの中央値。",
        "When money is contracted, billed and paid, and things delivered; days from the contract, "
        "medians.",
    ),
    "recurring": ("月次経常収益（MRR）の増減", "Monthly recurring revenue (MRR)"),
    "nothing_owed": (
        "この期間に未入金・後払い・前払いの残高はありません。",
        "Nothing is unpaid, due later or prepaid in the period.",
    ),
    "owed": ("未入金・後払い・前払い残高", "Unpaid, pay-later and prepaid balances"),
    "tree": ("KPIツリー", "KPI tree"),
    "tree_lead": (
        "{month}の値。前月からの変化は、子KPIの寄与に分かれます。",
        "Values of {month}. The change from the month before is split into what each child adds.",
    ),
    "spread": ("チャネルの貢献は手法でどれだけ変わるか", "Attribution: how far the methods differ"),
    "spread_lead": (
        "初回注文への貢献。帯は全手法の最小から最大まで。▲は手法により順位が変わるチャネル。",
        "Credit for first orders; the band runs from the lowest to the highest of all methods. "
        "▲: the rank depends on the method.",
    ),
    "segments": ("顧客セグメントの移り変わり", "Customers and how they moved"),
    "segments_lead": (
        "先月末と前月末のライフサイクル区分。ここから下は全顧客の集計です。",
        "Life cycle at the end of the last month, from that of the month before. All customers.",
    ),
    "not_customer": ("未購入", "No customer yet"),
    "groups": ("行動から見つかったグループ（提案）", "Groups found in behaviour (proposals)"),
    "group": ("グループの特徴", "What sets the group apart"),
    "usual_persona": ("最も多いペルソナ", "Most frequent persona"),
    "stability": ("安定性", "Stability"),
    "agreement": ("一致度", "Agreement"),
    "risk": ("離脱リスク", "Risk of leaving"),
    "within_days": ("今後{days}日", "within {days} days"),
    "not_judged": ("判定なし", "Not judged"),
    "why": ("理由", "Why"),
    "drivers": ("離れた顧客と残った顧客の違い", "How those who left differ from those who stayed"),
    "driver": ("特徴", "Feature"),
    "left_mean": ("離れた顧客", "Left"),
    "stayed_mean": ("残った顧客", "Stayed"),
    "difference": ("差", "Difference"),
    "actions": ("次の一手（予算内）", "What to do next, within the budget"),
    "action": ("施策", "Action"),
    "gain": ("期待額", "Expected"),
    "cost": ("費用", "Cost"),
    "experiments": ("実験（A/Bテスト）", "Experiments"),
    "experiment": ("実験", "Experiment"),
    "metric": ("指標", "Metric"),
    "people_shown": ("対象者", "People"),
    "result": ("結果", "Result"),
    "verdict": ("判定", "Verdict"),
    "quality": ("データ品質", "Data quality"),
    "restatements": ("前リリースからの訂正", "Restated since the release before"),
    "restatements_lead": (
        "終わった日や月について前リリースと異なる値と、その原因です。",
        "Values of finished days and months that the release before showed differently, and why.",
    ),
    "restated_is": (
        "{period}の{kpi}：前リリースでは{before}、今回は{now}（{why}）。",
        "{kpi} of {period} was {before} in the release before and is {now} now: {why}.",
    ),
    "restated_withheld": (
        "{period}の{kpi}：今回は{now}。個人データの消去があったため、以前の値は残していません（{why}）。",
        "{kpi} of {period} is {now} now; its former value is not kept, since people were erased: "
        "{why}.",
    ),
    "restated_more": (
        "訂正された値は全部で{values}件、内訳のみの変更は{slices}件です。",
        "{values} values were restated in all; of {slices} more the total stayed and slices "
        "changed.",
    ),
    "restated_none": (
        "前リリースが示した終わった期間の値に変更はありません。",
        "No value of a finished period differs from the release before.",
    ),
    "why_late_data": ("{records}が遅れて届きました", "{records} came late"),
    "why_later_data": ("後日の記録：{records}", "later records: {records}"),
    "why_identity_merge": (
        "{number}人が別の人と同一人物とわかりました",
        "{number} of the persons turned out to be others",
    ),
    "mart": ("マート", "Mart"),
    "rows_before": ("前の行数", "Rows before"),
    "rows_now": ("今回の行数", "Rows now"),
    "rows_added": ("追加", "Added"),
    "rows_removed": ("削除", "Removed"),
    "rows_changed": ("変更", "Changed"),
    "all_checks": ("検査の一覧", "All checks"),
    "glossary": ("用語", "Glossary"),
    "as_table": ("表で見る", "As a table"),
    "sql": ("この表のSQL", "SQL of this table"),
    "copy": ("SQLをコピー", "Copy the SQL"),
    "copied": ("コピーしました", "Copied"),
    "no_data": ("データなし", "No data"),
    "hidden": ("非表示", "not shown"),
    "few_note": (
        "{smallest}人未満の人数と、そこから推測できる値は表示しません（「<{smallest}」または「非表示」）。",
        "Counts of fewer than {smallest} people, and what would give them away, are not shown "
        "(“<{smallest}” or “not shown”).",
    ),
    "people": ("人", ""),
    "answers": ("回答", "Answers"),
    "dissatisfied": ("不満", "Dissatisfied"),
    "interval": ("95%区間", "95% interval"),
    "money": ("金額", "At stake"),
    "stage": ("ステージ", "Stage"),
    "touchpoint": ("接点", "Touchpoint"),
    "share": ("割合", "Share"),
    "score": ("満足度", "Score"),
    "from": ("から", "From"),
    "to": ("へ", "To"),
    "moved": ("人数", "People"),
    "path": ("経路", "Path"),
    "journeys": ("ジャーニー", "Journeys"),
    "cohort": ("コホート", "Cohort"),
    "size": ("人数", "People"),
    "month_n": ("{n}か月", "Month {n}"),
    "lifetime": ("累計LTV", "Paid per customer"),
    "customers": ("顧客", "Customers"),
    "contracted": ("契約", "Contracted"),
    "billed": ("請求", "Billed"),
    "paid": ("入金", "Paid"),
    "delivered": ("納品", "Delivered"),
    "at_risk": ("リスク売上", "At risk"),
    "to_bill": ("契約→請求（日）", "Contract to bill (days)"),
    "to_delivery": ("契約→納品（日）", "Contract to delivery (days)"),
    "to_payment": ("契約→入金（日）", "Contract to payment (days)"),
    "start": ("期首", "Start"),
    "new": ("新規", "New"),
    "expansion": ("増額", "Expansion"),
    "reactivation": ("復活", "Reactivation"),
    "contraction": ("減額", "Contraction"),
    "churn": ("解約", "Churn"),
    "end": ("期末", "End"),
    "month": ("月", "Month"),
    "currency": ("通貨", "Currency"),
    "unpaid": ("未入金", "Unpaid"),
    "pay_later": ("後払い残高", "Pay later"),
    "prepaid": ("前払い残高", "Prepaid"),
    "undelivered": ("未納品", "Undelivered"),
    "value_now": ("値", "Value"),
    "attainment": ("達成率", "Attainment"),
    "before": ("前月", "Month before"),
    "change": ("前月差", "Change"),
    "owner": ("担当", "Owner"),
    "lowest": ("最小", "Lowest"),
    "highest": ("最大", "Highest"),
    "method": ("手法", "Method"),
    "ranks": ("順位", "Ranks"),
    "table": ("表", "Table"),
    "files": ("ファイル", "Files"),
    "rows": ("行", "Rows"),
    "loaded": ("読込", "Loaded"),
    "duplicates": ("重複", "Duplicates"),
    "quarantined": ("隔離", "Quarantined"),
    "erased": ("消去", "Erased"),
    "expired": ("期限切れ", "Expired"),
    "rejected": ("拒否ファイル", "Refused files"),
    "last_day": ("データ最終日", "Data through"),
    "reason": ("隔離の理由", "Reason of quarantine"),
    "drift": ("ファイルの変化", "Drift of files"),
    "finding": ("変化", "Change"),
    "drifted_column": ("列", "Column"),
    "detail": ("内容", "Detail"),
    "effect": ("効果", "effect"),
    "dark": ("配色", "Colours"),
}

GLOSSARY: dict[str, tuple[str, str]] = {
    "groups": (
        "注文・訪問・購入額などの行動が似た顧客のまとまり。顧客の半分を選び直しても同じまとまりが現れる場合だけ示します。"
        "ルールのペルソナに代わるものではありません。",
        "Customers who behave alike, shown only if halves of the customers show the same groups. "
        "Proposals beside the personas of the rules, not instead of them.",
    ),
    "risk": (
        "過去の同じ時点で検証し、最も当たった予測（モデルまたは単純な規則）による、離脱の可能性。",
        "How likely a customer leaves, by whatever foretold best on held-out months: a model, or a "
        "plain rule where the model was not better by more than noise.",
    ),
    "drivers": (
        "離れた顧客と残った顧客の平均の差。多数の比較を補正しても偶然とは言えないものだけを示します。原因とは限りません。",
        "Differences of means between those who left and those who stayed that are beyond chance, "
        "corrected for the number of comparisons. Not necessarily causes.",
    ),
    "actions": (
        "同意・接触頻度・対象条件を満たす施策のうち、予算内で期待額から費用を引いた合計が最大になる割り当て。一部は比較のため保留します。",
        "Of the actions that consent, frequency caps and audiences allow, the choice with the most "
        "expected value less cost under the budgets. Some people are held out for comparison.",
    ),
    "experiments": (
        "主要指標の対照との差。区間は毎晩見ても誤りが増えない逐次的なものです。",
        "Difference to the control by the primary metric. The interval holds however often one "
        "looks.",
    ),
    "reached": (
        "期間中にそのステージへ初めて入った人の数。一人は期間ごとに一度だけ数えます。",
        "People who first entered the stage in the period; each person counts once.",
    ),
    "went_on": (
        "到達から30日たった人のうち、30日以内に先のステージへ進んだ人の割合。",
        "Of the people who reached the stage at least 30 days ago, the share that went on to a "
        "later stage within 30 days.",
    ),
    "open": (
        "到達から30日たっていないため、まだ判定できない人。",
        "People who reached the stage less than 30 days ago and cannot be judged yet.",
    ),
    "lost": (
        "到達から30日たち、その間に先のステージへ進まなかった人。後日進んだ人は内数で示します。",
        "People who reached the stage at least 30 days ago and did not go on within 30 days; those "
        "who did later are named.",
    ),
    "satisfaction": (
        "NPS・CSAT・CESの点数を0〜100にそろえた平均。質問の対象ステージ、なければ回答時のステージに"
        "数えます。縦線は95%区間。",
        "Mean of NPS, CSAT and CES, each brought to 0 to 100, at the stage that the question is "
        "about, else that of the person. The bars are 95% intervals.",
    ),
    "money": (
        "離脱した人が先へ進んだ場合にもたらしたはずの差額の見込み。相関であり因果ではありません。",
        "What the people who left would have brought more, had they gone on: an association, no "
        "cause.",
    ),
    "rank_together": (
        "失った人・不満・金額それぞれの全体に占める割合の平均。",
        "Mean of the shares of all people lost, all dissatisfaction and all money at stake.",
    ),
    "channel": (
        "その人を最初に連れてきたチャネル。",
        "The channel that first brought the person.",
    ),
    "value": (
        "購入からアフターサポートまで、顧客がどの価値に対していつ支払うかで見た道のり。",
        "From purchase to support, seen as when customers pay for which value.",
    ),
    "recurring": (
        "定期購入が月末時点で毎月もたらす金額。",
        "What subscriptions bring per month, at the month's end.",
    ),
    "cohorts": (
        "初めて支払った月が同じ顧客の集まり。",
        "Customers whose first paid order is of one month.",
    ),
    "spread": (
        "成約の手柄をチャネルに配る計算方法による違い。幅が広いほど結論は手法に依存します。",
        "How far the methods that credit channels with conversions differ; the wider, the more a "
        "conclusion depends on the method.",
    ),
}

REASONS: dict[str, tuple[str, str]] = {
    "R_STRUCTURE_MISSING_COLS": ("列が足りない行", "columns missing in the row"),
    "R_STRUCTURE_EXTRA_COLS": ("列が多い行", "too many columns in the row"),
    "R_JSON_INVALID": ("JSONとして読めない", "no valid JSON"),
    "R_CELL_ERROR": ("Excelのエラー値", "an error of Excel in a cell"),
    "R_UNTERMINATED_QUOTE": ("引用符が閉じていない", "a quote that is never closed"),
    "R_NUL_OR_CONTROL": ("制御文字を含む", "control characters"),
    "R_TEXT_TOO_LONG": ("文字列が長すぎる", "text too long"),
    "R_KEY_NULL": ("キーが空", "key empty"),
    "R_REQUIRED_NULL": ("必須項目が空", "required value empty"),
    "R_CAST": ("日付・数値として読めない", "no such date or number"),
    "R_TS_LOCAL_GAP": ("夏時間で存在しない時刻", "a local time that the clock skipped"),
    "R_NAIVE_TIMESTAMP": ("時差のない時刻", "a time without an offset"),
    "R_TS_FUTURE": ("未来の時刻", "a time in the future"),
    "R_TS_BEFORE_EPOCH": ("1970年より前の時刻", "a time before 1970"),
    "R_TS_TOO_EARLY": ("古すぎる時刻", "a time too early"),
    "R_SCORE_RANGE": ("尺度の外の点数", "score outside the scale"),
    "R_SCORE_NOT_INTEGER": ("整数でない点数", "score that is no whole number"),
    "R_ENUM_UNKNOWN": ("決まった値にない値", "a value that is not listed"),
    "R_CURRENCY_UNKNOWN": ("不明な通貨", "currency unknown"),
    "R_AMOUNT_DECIMALS": ("小数の桁が多い金額", "too many decimals in an amount"),
    "R_AMOUNT_SIGN": ("符号が逆の金額", "amount with the wrong sign"),
    "R_KEY_CONFLICT": ("同じキーで内容が異なる", "two contents under one key"),
}

# How a file differs from those before it: the kind, and what the loader says of it in Japanese
# (`orchestration/loading/drift.py` has the English).
DRIFT: dict[str, tuple[str, str]] = {
    "changed_file": ("同名ファイルの内容変更", "another content under the same name"),
    "new_column": ("新しい列", "new column"),
    "missing_column": ("なくなった列", "missing column"),
    "renamed_column": ("列名の変更", "renamed column"),
    "reordered_columns": ("列順の変更", "another order of columns"),
    "new_value": ("未知の値", "new value"),
    "changed_scale": ("単位・尺度の変化", "another unit or scale"),
    "changed_type": ("型の変化", "another type"),
    "personal_data": ("個人情報の混入", "personal data"),
    "row_count": ("行数の急変", "unusual number of rows"),
    "late_file": ("遅れて届いたファイル", "late file"),
}
DRIFT_DETAILS = (
    (r"(\d+) of (\d+) rows quarantined, (\w+): ", r"{2}行中{1}行を隔離、{3}："),
    (r"extracted (\d+) days before the newest file", "最新のファイルより{1}日前の抽出"),
    (
        r"under this name another content was loaded, (\w+)(, of the same size and time)?; "
        r"(\d+) of its (\d+) rows are not in this one and stay\. "
        r"If this one replaces it: (.+)",
        "同じ名前の別の内容（{1}）が読込済み。その{4}行中{3}行はこのファイルになく、そのまま残る。"
        "置き換える場合：{5}",
    ),
    (
        r"column (\d+) of the file, (\d+) characters, shape (.+): not in the contract; "
        "kept, hashed, in _extra",
        "ファイルの{1}列目（{2}文字、形 {3}）。契約にないため、ハッシュ化して _extra に保持",
    ),
    (
        r"gone; (\d+%) of the rows of the last (\d+) files had a value\. .+",
        "直近{2}ファイルでは{1}の行に値があった。再出力、ファイルの取消、または許可が必要",
    ),
    (r"read from its alias (.+)", "別名 {1} から読込"),
    ("matched by name, so nothing moved", "名前で対応させるため影響なし"),
    (
        r"(\d+) values with an e-mail address, a phone or a card number in them, masked",
        "メールアドレス・電話番号・カード番号を含む値{1}件をマスク",
    ),
    (
        r"(\d+) rows where the last (\d+) files had (\S+) in the middle",
        "{1}行。直近{2}ファイルの中央値は{3}行",
    ),
    (
        r"median(?: of (.+))? is (\S+), it was (\S+): another unit or scale\?",
        "中央値が{3}から{2}に変化（{1}）。単位や尺度が違う可能性",
    ),
)


def drift(findings: str) -> list[tuple[str, str, tuple[str, str]]]:
    """Kind, column and details in both languages of each finding in `load_quality.drift`."""
    found = []
    for finding in re.split(r"; (?=(?:info|warn|fail) [a-z_]+[ :])", findings):
        parts = re.fullmatch(r"\w+ (\w+)(?: (\S+))?: (.*)", finding, re.DOTALL)
        kind, column, detail = parts.groups() if parts else ("", None, finding)
        column = "" if (column or "").startswith("column:") else column or ""  # of a hashed name
        found.append((kind, column, (_reasons(_in_japanese(detail), 0), _reasons(detail, 1))))
    return found


def _in_japanese(detail: str) -> str:
    for pattern, words in DRIFT_DETAILS:
        if found := re.match(pattern, detail):
            groups = ("", *(group or "" for group in found.groups()))
            return words.format(*groups).replace("（）", "") + detail[found.end() :]
    return detail


def _reasons(text: str, place: int) -> str:
    """A text with the codes of quarantine in words."""
    return re.sub(r"\bR_[A-Z_]+", lambda code: REASONS.get(code[0], (code[0],) * 2)[place], text)


# Records of raw tables, and their types: Japanese, English, English of many.
RECORDS: dict[str, tuple[str, str, str]] = {
    "crm.payments": ("入金", "payment", "payments"),
    "crm.payments.charge": ("入金", "payment", "payments"),
    "crm.payments.refund": ("返金", "refund", "refunds"),
    "crm.payments.chargeback": ("チャージバック", "chargeback", "chargebacks"),
    "crm.orders": ("注文", "order", "orders"),
    "crm.order_lines": ("注文明細", "order line", "order lines"),
    "crm.contacts": ("顧客レコード", "contact", "contacts"),
    "crm.activities": ("営業・配信活動", "activity", "activities"),
    "crm.deals": ("商談", "deal", "deals"),
    "crm.deal_stage_changes": ("商談の段階変更", "change of a deal", "changes of deals"),
    "crm.subscriptions": ("定期購入", "subscription", "subscriptions"),
    "crm.tickets": ("問い合わせ", "ticket", "tickets"),
    "survey.answers": ("アンケート回答", "answer", "answers"),
    "survey.invitations": ("アンケート依頼", "invitation", "invitations"),
    "privacy.erasure_requests": ("消去の依頼", "erasure request", "erasure requests"),
    "web.events": ("ウェブイベント", "web event", "web events"),
    "web.ad_costs": ("広告費の行", "row of ad costs", "rows of ad costs"),
}
