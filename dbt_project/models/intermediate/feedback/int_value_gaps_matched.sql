with expectations as (

    select * from {{ ref('fct_survey_scores') }}
    where metric = 'expectation' and person_id is not null

),

experiences as (

    select * from {{ ref('fct_survey_scores') }}
    where metric = 'experience' and person_id is not null

),

-- What the person found first after expecting it: of the same stage or touchpoint, and of no other.
-- One answer sheet may ask both.
found as (

    select
        expectations.survey_score_id as expectation_id,
        experiences.survey_score_id as experience_id,
        experiences.person_id,
        experiences.persona,
        coalesce(experiences.question_stage, expectations.question_stage) as stage,
        coalesce(experiences.touchpoint_type, expectations.touchpoint_type) as touchpoint_type,
        experiences.scaled_score - expectations.scaled_score as gap_points,
        expectations.responded_at as expected_at,
        experiences.responded_at as experienced_at
    from expectations
    inner join experiences
        on
            expectations.person_id = experiences.person_id
            and expectations.responded_at <= experiences.responded_at
            and coalesce(expectations.question_stage = experiences.question_stage, true)
            and coalesce(expectations.touchpoint_type = experiences.touchpoint_type, true)
            and (
                expectations.question_stage = experiences.question_stage
                or expectations.touchpoint_type = experiences.touchpoint_type
            )
    qualify row_number() over (
        partition by expectations.survey_score_id
        order by experiences.responded_at, experiences.survey_score_id
    ) = 1

)

-- Of several expectations before one experience the last one counts.
select *
from found
qualify row_number() over (
    partition by experience_id order by expected_at desc, expectation_id desc
) = 1
