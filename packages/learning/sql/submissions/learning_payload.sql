-- Builds what the pipeline takes as its input, and refuses what the pipeline would refuse. Private. It is asked before
-- anything is stored: a constraint would say the same with the whole row in its detail, and so in the server's log.
--   p_request: as in learning_enqueue.
--   Answers: the payload. Raises 22023 with the name of the first field that does not fit, never with what is in it.
create or replace function :"schema".learning_payload(
  p_submission public.learning_submissions, p_request jsonb
) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_given jsonb := coalesce(nullif(p_request -> 'criteria', 'null'), '[]');
  v_language text := coalesce(p_request ->> 'language', 'de');
  v_criteria jsonb;
  v_problem text;
begin
  if jsonb_typeof(v_given) = 'array' then
    select jsonb_agg(jsonb_build_object(
      'id', 'c' || c.place,
      'name', case jsonb_typeof(c.item)
        when 'object' then coalesce(c.item -> 'name', c.item -> 'criterion') else c.item end,
      'maxScore', coalesce(nullif(c.item -> 'max_score', 'null'), '10')
    ) order by c.place) into v_criteria
    from jsonb_array_elements(v_given) with ordinality as c (item, place);
  end if;
  -- Without criteria there is one: the whole.
  v_criteria := coalesce(v_criteria, '[{"id": "c1", "name": "overall", "maxScore": 10}]');
  v_problem := case
    when p_request is not null and jsonb_typeof(p_request) <> 'object' then 'the request must be an object'
    when jsonb_typeof(v_given) <> 'array' or jsonb_array_length(v_criteria) > 20
      then 'criteria must be an array of at most 20'
    when exists (
      select from jsonb_array_elements(v_criteria) as c (item)
      where jsonb_typeof(c.item -> 'name') <> 'string' or length(c.item ->> 'name') not between 1 and 500
    ) then 'the name of a criterion must have 1 to 500 characters'
    when exists (
      select from jsonb_array_elements(v_criteria) as c (item)
      where case jsonb_typeof(c.item -> 'maxScore')
        when 'number' then (c.item -> 'maxScore')::numeric not between 1 and 10
          or (c.item -> 'maxScore')::numeric % 1 <> 0
        else true
      end
    ) then 'max_score must be a whole number from 1 to 10'
    when coalesce(jsonb_typeof(p_request -> 'instruction_md'), 'null') not in ('string', 'null')
      or length(p_request ->> 'instruction_md') > 4000 then 'instruction_md must have at most 4000 characters'
    when coalesce(jsonb_typeof(p_request -> 'hints_md'), 'null') not in ('string', 'null')
      or length(p_request ->> 'hints_md') > 4000 then 'hints_md must have at most 4000 characters'
    when v_language not in ('de', 'en') then 'language must be de or en'
    when coalesce(length(p_submission.student_sub), 0) not between 1 and 256
      then 'student_sub must have 1 to 256 characters'
    when coalesce(p_submission.kind, '') not in ('text', 'image', 'file') then 'kind must be text, image or file'
    when p_submission.kind = 'text' then case
      when p_submission.storage_key is not null then 'a text has no storage_key'
      when coalesce(length(p_submission.text_body) > 60000, true) then 'text_body must have at most 60000 characters'
    end
    when coalesce(p_submission.mime_type, '') <> all (
      case p_submission.kind when 'image' then array['image/png', 'image/jpeg'] else array['application/pdf'] end
    ) then 'mime_type must be image/png or image/jpeg for an image, and application/pdf for a file'
    when coalesce(length(p_submission.storage_key), 0) not between 1 and 256
      then 'storage_key must have 1 to 256 characters'
    when coalesce(p_submission.size_bytes, 0) not between 1 and 10485760
      then 'size_bytes must be from 1 to 10485760'
    when coalesce(p_submission.sha256, '') !~ '^[0-9a-f]{64}$' then 'sha256 must be 64 lower-case hexadecimal digits'
  end;
  if v_problem is not null then
    raise exception using errcode = '22023', message = 'learning_enqueue: ' || v_problem;
  end if;
  return jsonb_strip_nulls(jsonb_build_object(
    'submissionId', p_submission.id, 'kind', p_submission.kind, 'criteria', v_criteria,
    'instruction', p_request -> 'instruction_md', 'hints', p_request -> 'hints_md', 'language', v_language
  )) || case p_submission.kind
    when 'text' then jsonb_build_object('text', p_submission.text_body)
    else jsonb_build_object('media', jsonb_build_object(
      'storageKey', p_submission.storage_key, 'mediaType', p_submission.mime_type,
      'bytes', p_submission.size_bytes, 'sha256', p_submission.sha256
    ))
  end;
end
$$;
