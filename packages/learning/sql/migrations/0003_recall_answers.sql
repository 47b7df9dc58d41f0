-- Finds a result by what was asked, for workers that may give an answer twice. Rows without a question are not in it.
create index learning_result_question on :"schema".result ((provenance ->> 'question'))
  where provenance ->> 'question' is not null;
