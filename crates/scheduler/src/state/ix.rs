//! Places in the tables: four bytes in place of names and ids.

macro_rules! ix {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// As a place in a table.
            pub const fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

ix!(
    /// A host.
    HostIx
);
ix!(
    /// A workload.
    WorkloadIx
);
ix!(
    /// What copies take, as far as it is the same.
    NeedIx
);
ix!(
    /// A kind of device.
    DeviceIx
);
ix!(
    /// The hosts that a selector means.
    MaskIx
);
ix!(
    /// The values of a label.
    ColumnIx
);
ix!(
    /// A placement.
    Slot
);
