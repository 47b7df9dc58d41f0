(select e.id from :"schema".enqueue_jobs(jsonb_build_array(jsonb_build_object(
      'id', :{new_id}, 'type', :{type}, 'version', :{version}, 'phase', :{phase}, 'queue', :{queue},
      'payload', :{payload}, 'delayMs', coalesce(v_delay_ms, 0)
    ))) as e)
