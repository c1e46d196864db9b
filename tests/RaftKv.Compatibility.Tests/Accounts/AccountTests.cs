using RaftKv.Compatibility.Tests.Stores;

namespace RaftKv.Compatibility.Tests.Accounts;

/// <summary>Who may do what, and in which words others are told that they may not; checked against etcd 3.4 where it says the same as 3.6.</summary>
public sealed class AccountTests(AccountStores stores) : IClassFixture<AccountStores>
{
    public static TheoryData<string> Rows() => [.. AccountRows.All.Select(row => row.ToString())];

    public static TheoryData<string> RowsOfOld() => [.. AccountRows.All.Where(row => row.Newer is null).Select(row => row.ToString())];

    [Theory]
    [MemberData(nameof(Rows))]
    public Task Raftkv_says(string what) => CheckAsync(StoreKind.RaftKv, what);

    [Theory]
    [MemberData(nameof(RowsOfOld))]
    public Task Etcd_says(string what) => CheckAsync(StoreKind.Etcd, what);

    private async Task CheckAsync(StoreKind kind, string what)
    {
        var row = AccountRows.All.Single(row => row.ToString() == what);
        var store = await stores.OrSkipAsync(kind);
        Assert.Equal(row.Status, (await store.CallAsync(row.User, row.Call)).Status);
    }
}
