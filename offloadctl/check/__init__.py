"""Rules, pure: facts about metadata and objects go in, findings come out."""
