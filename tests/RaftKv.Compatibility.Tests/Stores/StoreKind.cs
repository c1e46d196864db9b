namespace RaftKv.Compatibility.Tests.Stores;

/// <summary>Whose answers are looked at: ours, or those of the etcd 3.4 that a test's expectations are checked against.</summary>
public enum StoreKind
{
    Etcd,
    RaftKv,
}
