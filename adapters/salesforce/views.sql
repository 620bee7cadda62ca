-- Reports show ids of 15 characters, whose case matters; all else 18: three more say which of the
-- 15 are capitals.
create macro long_id(id) as
case
    when length(id) = 15
        then id || list_aggregate(
            list_transform(
                [0, 5, 10],
                lambda start: substr(
                    'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
                    1 + list_sum(
                        list_transform(
                            range(5),
                            lambda place:
                            case
                                when
                                    regexp_full_match(
                                        substr(id, start + place + 1, 1), '[A-Z]'
                                    )
                                    then 1 << place
                                else 0
                            end
                        )
                    )::integer,
                    1
                )
            ),
            'string_agg', ''
        )
    else id
end;

update contacts
set
    id = long_id(id),
    master_record_id = long_id(master_record_id),
    account_id = long_id(account_id);

update leads
set
    id = long_id(id),
    master_record_id = long_id(master_record_id),
    converted_contact_id = long_id(converted_contact_id);

update opportunities
set
    id = long_id(id),
    contact_id = long_id(contact_id);

update contact_roles
set
    opportunity_id = long_id(opportunity_id),
    contact_id = long_id(contact_id);

update history
set
    id = long_id(id),
    opportunity_id = long_id(opportunity_id);

update tasks
set
    id = long_id(id),
    who_id = long_id(who_id);

update cases
set
    id = long_id(id),
    contact_id = long_id(contact_id);
