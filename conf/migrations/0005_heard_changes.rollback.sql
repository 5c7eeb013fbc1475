DROP FUNCTION tell_user_change() CASCADE;
DROP FUNCTION tell_change() CASCADE;
