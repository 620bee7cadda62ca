select
    distribution_contacts.distribution_id || '-' || distribution_contacts.contact_lookup_id
        as invitation_id,
    distributions.survey_link_survey_id as survey_id,
    distribution_contacts.sent_at,
    contacts.external_data_reference as contact_id,
    contacts.email
from distribution_contacts
inner join distributions on distribution_contacts.distribution_id = distributions.id
left join contacts on distribution_contacts.contact_id = contacts.id
where distribution_contacts.sent_at is not null
order by invitation_id
