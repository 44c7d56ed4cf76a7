# What the archive of logs promises, for those who keep it and those who write to it.
{
  # Nobody can delete a log for so long: not even the owner of the account.
  retentionDays = 400;
  # What is older than this goes to a cheaper class, in which it can still be read at once.
  coldDays = 30;
}
