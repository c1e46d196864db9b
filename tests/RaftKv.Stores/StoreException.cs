namespace RaftKv.Stores;

/// <summary>A store could not be started or stopped answering: no difference between two stores, but no result either.</summary>
public sealed class StoreException(string message, Exception? cause = null) : Exception(message, cause);
